"""Encoders: the supported architectures, fetching, checking the files of a model, and loading."""
