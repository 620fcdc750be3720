"""The machine at hand: its GPUs, the time that is left, and one process that has the heavy libraries loaded."""
