"""Measurements with a bar: each compares a figure with a reference measured in the same run.

``python -m benchmarks --list`` names them; README.md beside this file says how to add one.
"""
