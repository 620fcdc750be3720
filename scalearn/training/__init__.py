"""Encoding, batches, the trainer, evaluation and checkpoints."""
