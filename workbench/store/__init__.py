"""Encrypted data at exact snapshots, opened for a purpose, audited."""
