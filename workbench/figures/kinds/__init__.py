"""One module a kind of figure: what it is asked with, its words and measures, and its drawing.

A new kind is one module here, and its specification's name in `workbench.figures.payload`.
"""
