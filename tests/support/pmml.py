"""A reader of PMML scorecards, after the specification of PMML 4.4, which knows nothing of ours."""

import operator
import re
from xml.etree import ElementTree

NAMESPACE = "{http://www.dmg.org/PMML-4_4}"
COMPARE = {
    "lessThan": operator.lt,
    "lessOrEqual": operator.le,
    "greaterOrEqual": operator.ge,
    "equal": operator.eq,
}


def words(text):
    """Return the items of an array, none of which may hold what readers escape each in its way."""
    assert "\\" not in text
    return re.findall(r'"([^"]*)"', text)


class Reader:
    """Score rows, mappings of field to value or None, as a PMML document says."""

    def __init__(self, text):
        root = ElementTree.fromstring(text)  # noqa: S314  # why: it was written a line before
        self.kinds = {
            each.get("name"): each.get("dataType") for each in root.iter(f"{NAMESPACE}DataField")
        }
        self.card = root.find(f"{NAMESPACE}Scorecard")

    def score(self, row):
        """Return the score and the reason codes, most points lost first; None without a score."""
        total, lost = float(self.card.get("initialScore")), []
        for each in self.card.iter(f"{NAMESPACE}Characteristic"):
            held = (a for a in each if self.true(a[0], row))
            attribute = next(held, None)
            if attribute is None:
                return None, []
            points = float(attribute.get("partialScore"))
            total += points
            lost.append((float(each.get("baselineScore")) - points, each.get("reasonCode")))
        return total, [code for _, code in sorted(lost, key=lambda each: -each[0])]

    def true(self, node, row):
        """Return whether a predicate holds; None where that is unknown."""
        kind = node.tag.removeprefix(NAMESPACE)
        if kind == "CompoundPredicate":
            together = {"and": all, "or": any}[node.get("booleanOperator")]
            return together(self.true(each, row) for each in node)
        value = row[node.get("field")]
        if node.get("operator") == "isMissing":
            return value is None
        if value is None:
            return None
        if node.get("operator") == "isNotMissing":
            return True
        if kind == "SimpleSetPredicate":
            inside = str(value) in words(node[0].text or "")
            return inside == (node.get("booleanOperator") == "isIn")
        assert kind == "SimplePredicate"
        wanted = node.get("value")
        if self.kinds[node.get("field")] == "double":
            value, wanted = float(value), float(wanted)
        return COMPARE[node.get("operator")](value, wanted)
