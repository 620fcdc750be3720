"""The tasks of the paper and of the demo, as data."""
