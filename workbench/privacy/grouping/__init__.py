"""Groups made by an analyst's own rules."""
