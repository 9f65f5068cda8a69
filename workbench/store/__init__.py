"""Encrypted data at exact snapshots, opened for a purpose, audited."""

THEN = "@"  # between a purpose and the older snapshot it reads; no purpose's name has one
