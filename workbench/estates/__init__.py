"""Estates to work on: the sample bank, real data sets that packages ship, files of one's own."""
