"""Checks of a whole campaign before any job starts."""
