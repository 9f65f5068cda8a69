"""The sample estate: an invented retail bank, generated block by block from a seed.

``planted.yaml`` holds every figure worth testing; ``catalog.yaml`` is copied beside the data.
"""
