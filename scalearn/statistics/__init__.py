"""Uncertainty of scores over training seeds and test rows, and comparisons of methods. NumPy and SciPy only."""
