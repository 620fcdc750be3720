"""The model, the trainer and its checkpoints."""
