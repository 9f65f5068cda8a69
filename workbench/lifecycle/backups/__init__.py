"""Backups, restoring, and the keys that they are under."""
