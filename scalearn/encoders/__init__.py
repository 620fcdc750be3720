"""Encoders: fetching them, and checking that their files belong together."""
