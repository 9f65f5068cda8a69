"""What an action may bring, from treated and control customers; or an assumption, called so.

A gain is an effect in response, times the customers of a group, times what one response is worth.
The effect is the difference of treated and control customers' response rates, whose margin holds
noise and the chance of who was drawn. What one response is worth is declared.
"""

from collections.abc import Sequence

from workbench.errors import InputError, QuestionRefused, require_known
from workbench.privacy.expressions import Expression, column, difference, expression
from workbench.privacy.release import Release


def campaign_effect(
    arms: Release,
    *,
    treated: str = "treated",
    control: str = "control",
    arm: str = "arm",
    measure: str = "responded_rate",
) -> Release:
    """Return how much more often treated customers respond than those of the control group.

    Parameters
    ----------
    arms : Release
        A rate by ``arm``, and by other groups where wanted.
    treated, control : str
        Values of ``arm``.
    arm, measure : str
        The group column and the rate.

    Returns
    -------
    Release
        ``effect``, in points of the rate; its margin holds noise and sampling. Where the margin
        holds zero, the campaigns do not show an effect.

    Examples
    --------
    >>> # asked = wb.query(contacts, by="arm").rate(responded=contacts.responded)
    >>> # wb.campaign_effect(ws.release(asked, …))
    """
    values = {each.name: each.values for each in arms.by}
    require_known("group column", values, arm)
    require_known(f"value of {arm}", values[arm], treated, control)
    one, other = (arms.derive(measure, where={arm: each}) for each in (treated, control))
    gap = difference(
        measure, against=other, sampling=True, name="effect", title="Responses, treated – control"
    )
    return one.derive(gap, name=f"{arms.name}-effect")


def expected_gain(
    groups: Release,
    *,
    value_each: float,
    effect: Release | None = None,
    assumed: float | None = None,
    also: Sequence[Expression | str] = ("customers",),
    unit: str | None = None,
    title: str | None = None,
) -> Release:
    """Return what contacting every customer of each group may bring.

    Parameters
    ----------
    groups : Release
        ``customers`` by group, such as persona.
    value_each : float
        What one response is worth, declared; in the catalog's currency.
    effect : Release
        From `campaign_effect`: by the same groups, or of all together.
    assumed : float
        The effect where no control group ever told it: an assumption. One of the two is given.
    also : sequence of figures
        What else of ``groups`` the result shows.
    unit : str, optional
        The currency's code.
    title : str, optional
        What to call the gain.

    Returns
    -------
    Release
        ``expected_gain`` beside ``also``. The title of an assumed one says so, with its inputs.
    """
    if (effect is None) == (assumed is None):
        raise InputError(
            "an expected gain stands on effect=campaign_effect(…), or on assumed=0.02 where there "
            "is no control group; give exactly one of the two."
        )
    if not value_each > 0:
        raise InputError(f"value_each is what one response is worth, above 0, not {value_each}.")
    if "customers" not in [measure.name for measure in groups.measures]:
        raise QuestionRefused(
            f"a gain is of customers by group, and '{groups.name}' does not show 'customers'."
        )
    chance = expression(float(assumed)) if assumed is not None else column("effect", of=effect)
    gain = column("customers") * chance * float(value_each)
    told = title or "Expected gain"
    if assumed is not None:  # an assumption is called one wherever it is shown
        told = f"{told}, assuming {assumed:.1%} more responses at {value_each:g} each"
    return groups.derive(
        *also, gain.named("expected_gain", told, unit, 0), name=f"{groups.name}-gain"
    )
