"""Composing source adapters in a model of the user's own, which any trainer then trains."""
