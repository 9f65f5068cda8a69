"""What is trained privately: from released counts, never from rows."""

from workbench.privacy.models.axes import Axis
from workbench.privacy.models.density import NoisyCounts
from workbench.privacy.models.grid_kmeans import GridKMeans
from workbench.privacy.models.private_scorecard import PrivateScorecard

__all__ = ["Axis", "GridKMeans", "NoisyCounts", "PrivateScorecard"]
