"""The version of each stage, which is a parameter of its Snakemake rule.

Raise a version when a change of code changes what its stage writes. Snakemake then repeats this stage and the stages
that depend on it. For a change to one method or one task, raise `Method.version` or `Task.version` instead.
"""

FETCHING = 1  # encoders: which files are fetched, and how they are checked
PREPARING = 2  # tasks: readers, labels, splits and constructions
ENCODING = 1  # token ids and the maximum length
STACKING = 1  # the file of source adapters
TRAINING = 1  # the training loop of all methods: files of a run, batches, schedule and selection
EMBEDDING = 1  # embeddings of tasks, and their similarities
SCORING = 1  # metrics and score records; another version trains nothing
