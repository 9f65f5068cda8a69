"""Append-only, hash-chained logs: whole, in order, durable, and missed when lost."""
