"""Encrypted data at exact snapshots, opened for a purpose, audited."""

from collections.abc import Callable

THEN = "@"  # between a purpose and the older snapshot it reads; no purpose's name has one
Tell = Callable[[str], None]  # takes each step of what takes long, in words


def quiet(_: str) -> None:
    """Tell nobody."""
