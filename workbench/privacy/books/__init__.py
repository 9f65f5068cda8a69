"""The ledger: what was paid, for what, and whether it is the one it was."""
