"""The version of each stage, a parameter of its Snakemake rule.

Raise a version when a change of code changes what its stage writes. Snakemake then runs the stage again, and what is
built on it; nothing else. Methods have a version of their own (`Method.version`), and so has a task's definition
(`Task.version`), for a change that concerns only one of them.
"""

FETCHING = 1  # encoders: which files are taken, and what is checked in them
PREPARING = 1  # tasks: the readers, labels, cuts and constructions
ENCODING = 1  # token ids, and how long a row may be
STACKING = 1  # the file of source adapters
TRAINING = 1  # the training loop: the run's files, batches, schedule and selection, for all methods alike
EMBEDDING = 1  # the tasks' embeddings, and their similarities
SCORING = 1  # the metrics and the score record; raising it trains nothing
