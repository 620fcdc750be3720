"""Writing files atomically, and detecting files that were changed afterwards."""
