"""A run as files that others load: what stock `adapters` reads, proved in a process that has none of our code."""
