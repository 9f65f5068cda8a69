"""The exact scorecard: bins, weights of evidence, points; for analysts' eyes."""
