"""From a task's definition to its files."""
