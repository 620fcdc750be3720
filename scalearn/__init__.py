"""Transfer between tasks through adapters: ScaLearn (arXiv 2310.01217) and its peers."""

__version__ = "0.1.0"
