"""Preparing a task: reading its source, cutting splits, and writing the on-disk format."""
