"""Forecasts of released series: structural models, rules against each other, breaks."""
