"""Reading a task's source in batches: the hub, a mirror, CSV, TSV, JSONL and parquet files, generated tasks."""
