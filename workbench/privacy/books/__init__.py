"""The ledger: what was paid, for what, and whether it is the one it was."""

DERIVED = 3  # schema of derived entries: since it, the ends of intervals are compared as well
