"""From a source to batches of rows."""
