"""Estates to work on: the generated sample bank, and real data sets that ship inside packages."""
