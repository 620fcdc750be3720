"""Encoded rows and batches of them."""
