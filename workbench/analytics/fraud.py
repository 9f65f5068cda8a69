"""Fraud signals: transaction rules, an isolation forest over behaviour, alerts by expected loss."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbench.analytics.validation.estimates import decided, shares
from workbench.errors import InputError

RULES = {
    "round amounts at one merchant": "round_hundred and same_merchant_2d >= 3",
    "a burst of spending": "count_2d >= 4 and spent_2d_to_usual >= 20",
    "far above the usual": "amount_to_usual >= 15",
}
_ROW = ["customer_id", "booked_on", "amount"]  # of a payment itself; the other features behave
_QUIET = 20_000  # ordinary transactions to learn from: more change nothing but the time


def behaviour_features(transactions: pd.DataFrame) -> pd.DataFrame:
    """Return what each payment looks like beside its customer's own, as the day ends.

    Nothing of later days is read, so what it shows of a past day is what was seen then.

    Parameters
    ----------
    transactions : DataFrame
        ``transaction_id``, ``customer_id``, ``booked_on``, ``amount``, ``merchant``; also
        ``is_refund`` where refunds are to be left out.

    Returns
    -------
    DataFrame
        Index ``transaction_id``, each once: ``customer_id``, ``booked_on``, ``amount``;
        ``amount_to_usual`` (to the geometric mean of the customer's earlier days);
        ``round_hundred``; of this day and the day before ``count_2d``, ``same_merchant_2d`` and
        ``spent_2d_to_usual``.
    """
    frame = transactions.drop_duplicates("transaction_id").dropna(subset="amount")
    frame = frame.assign(amount=frame["amount"].astype(float)).query("amount > 0")
    if "is_refund" in frame:
        frame = frame[~decided(frame["is_refund"])]
    frame = frame.set_index("transaction_id")
    day = pd.to_datetime(frame["booked_on"]).dt.normalize()
    frame = frame.assign(day=day, log=np.log(frame["amount"])).sort_values(["customer_id", "day"])
    daily = frame.groupby(["customer_id", "day"])["log"].agg(["sum", "count"])
    past = daily.groupby("customer_id").cumsum() - daily
    everybody = frame.groupby("day")["log"].agg(["sum", "count"]).cumsum()
    everybody = everybody["sum"] / everybody["count"]
    # why one: a first day is compared with what is usual for everybody so far
    typical = everybody.reindex(past.index.get_level_values("day")).to_numpy()
    usual = np.exp((past["sum"] + typical) / (past["count"] + 1)).rename("usual")
    frame = frame.join(usual, on=["customer_id", "day"])

    def two_days(keys: list[str], how: str) -> pd.Series:
        today = frame.groupby([*keys, "day"])["amount"].agg(how).rename("today").reset_index()
        before = today.assign(day=today["day"] + pd.Timedelta(days=1)).rename(
            columns={"today": "before"}
        )
        both = frame[[*keys, "day"]].merge(today, how="left").merge(before, how="left")
        return pd.Series(both["today"] + both["before"].fillna(0)).set_axis(frame.index)

    return pd.DataFrame(
        {
            "customer_id": frame["customer_id"],
            "booked_on": frame["day"],
            "amount": frame["amount"],
            "amount_to_usual": frame["amount"] / frame["usual"],
            "round_hundred": frame["amount"] % 100 == 0,
            "count_2d": two_days(["customer_id"], "count"),
            "same_merchant_2d": two_days(["customer_id", "merchant"], "count"),
            "spent_2d_to_usual": two_days(["customer_id"], "sum") / frame["usual"],
        }
    )


def fraud_alerts(
    features: pd.DataFrame,
    cases: pd.DataFrame,
    *,
    as_of: Any,
    rules: Mapping[str, str] | None = None,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return alerts on payments after a day, by what they are expected to lose.

    An isolation forest learns what behaviour was usual up to that day; with the rules that apply,
    it foretells which payments were confirmed as fraud by then.

    Parameters
    ----------
    features : DataFrame
        From `behaviour_features`.
    cases : DataFrame
        ``transaction_id``, ``opened_on``, ``outcome``; those opened later are not read.
    as_of : date
    rules : mapping of str to str, optional
        Conditions on the features by name, as ``DataFrame.eval`` reads them; `RULES` otherwise.

    Returns
    -------
    DataFrame
        Payments that a rule applies to, or more unusual than 99.9 % of those before, the largest
        expected loss first: ``customer_id``, ``booked_on``, ``amount``, ``rules``, ``anomaly``,
        ``chance`` of fraud, ``expected_loss``. It was learned from rows, so it is raw; publish
        volumes by a rule of your own instead.
    """
    from sklearn.ensemble import IsolationForest
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    day = pd.Timestamp(as_of)
    known = cases[(pd.to_datetime(cases["opened_on"]) <= day) & (cases["outcome"] == "confirmed")]
    rules = RULES if rules is None else rules
    hits = pd.DataFrame({n: features.eval(rule) for n, rule in rules.items()}, features.index)
    before = features["booked_on"] <= day
    fraud = pd.Series(features.index.isin(known["transaction_id"]), index=features.index)
    if not (fraud & before).any() or before.all():
        raise InputError(
            f"up to {day:%Y-%m-%d} there is no confirmed case to learn from, or no payment "
            "after it; choose a day with both sides."
        )
    ordinary = features.index[before & ~fraud]
    drawn = np.random.default_rng(random_state).permutation(len(ordinary))[:_QUIET]
    learned = features.index[before & fraud].append(ordinary[drawn])
    behaviour = np.log1p(features.drop(columns=_ROW).astype(float))
    forest = IsolationForest(random_state=random_state).fit(behaviour.loc[learned].to_numpy())
    asked = features.index[~before]
    parts = learned.append(asked)
    anomaly = pd.Series(-forest.score_samples(behaviour.loc[parts].to_numpy()), index=parts)
    inputs = hits.loc[parts].astype(float).assign(anomaly=anomaly)
    weight = np.where(fraud[learned], 1.0, len(ordinary) / len(drawn))
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(inputs.loc[learned], fraud[learned], logisticregression__sample_weight=weight)
    found = features.loc[asked, _ROW].assign(
        rules=[", ".join(hits.columns[row]) for row in hits.loc[asked].to_numpy(dtype=bool)],
        anomaly=anomaly[asked],
        chance=model.predict_proba(inputs.loc[asked])[:, 1],
    )
    unusual = anomaly[asked] > anomaly[learned][~fraud[learned]].quantile(0.999)
    found = found[hits.loc[asked].any(axis=1) | unusual]
    found["expected_loss"] = found["chance"] * found["amount"]
    return found.sort_values("expected_loss", ascending=False)


def precision_at_capacity(
    alerts: pd.DataFrame, confirmed: Any, capacity: Sequence[int], *, level: float = 0.95
) -> pd.DataFrame:
    """Return how many of the alerts that can be looked at are fraud.

    Parameters
    ----------
    alerts : DataFrame
        From `fraud_alerts`; the first ones are looked at.
    confirmed : array-like
        Ids of the transactions confirmed in the time of the alerts.
    capacity : sequence of int
        Alerts that can be looked at.

    Returns
    -------
    DataFrame
        Index ``capacity``: ``reviewed``, ``confirmed``, ``precision`` with ``lower`` and ``upper``,
        ``found`` (share of all confirmed), ``amount_found`` in currency.
    """
    all_fraud = pd.Index(np.asarray(confirmed)).unique()
    fraud = alerts.index.isin(all_fraud)
    reviewed = np.minimum(capacity, len(alerts))
    index = pd.Index(capacity, name="capacity")
    table = pd.DataFrame({"reviewed": reviewed}, index=index)
    table["confirmed"] = [int(fraud[:size].sum()) for size in reviewed]
    table = table.join(shares(table["confirmed"], table["reviewed"], level, "precision"))
    table["found"] = table["confirmed"] / max(1, len(all_fraud))
    lost = alerts["amount"].where(fraud, 0.0).to_numpy()
    return table.assign(amount_found=[float(lost[:size].sum()) for size in reviewed])
