"""Questions, bounding, noise, accounting, and the ledger that remembers what was spent."""
