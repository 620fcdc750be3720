"""What knows Snakemake's or SLURM's insides: restarts, stale locks, unfinished outputs, the terminal."""
