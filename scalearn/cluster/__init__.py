"""Code that depends on internals of Snakemake or SLURM: restarts, stale locks, unfinished outputs, messages."""
