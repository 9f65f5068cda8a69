"""A search of a snapshot asks the store about each text once."""

from workbench.store.reading.identifying import remembered


def test_each_text_is_asked_about_once_and_told_to_whoever_asks():
    asked = []

    def find(candidates):
        asked.append(candidates)
        return [("customers", "name", each) for each in sorted(candidates) if each.startswith("a")]

    search = remembered(find)
    anna = ("customers", "name", "anna")
    assert search({"anna", "brot"}) == [anna]
    assert search({"brot"}) == []
    assert search({"anna", "axel"}) == [anna, ("customers", "name", "axel")]
    assert asked == [{"anna", "brot"}, {"axel"}]
