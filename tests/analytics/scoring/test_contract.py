"""Both estimators keep scikit-learn's contract."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from workbench.analytics.scoring.scorecard import Scorecard
from workbench.analytics.scoring.woe import WoeEncoder

MADE = parametrize_with_checks([WoeEncoder(), Scorecard()]).mark


# why as a list: pytest 9 warns of the generator that scikit-learn 1.7 hands over
@pytest.mark.parametrize(MADE.args[0], list(MADE.args[1]), **MADE.kwargs)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)
