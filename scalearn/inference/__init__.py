"""Predicts with a finished run or an export: texts in Python, or the rows of a file."""
