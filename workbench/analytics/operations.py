"""Operations on released tables that analytics adds to those of privacy; to import it registers."""

from workbench.analytics.decisions import portfolio, readout, spending
from workbench.analytics.forecasting import releases

__all__ = ["portfolio", "readout", "releases", "spending"]
