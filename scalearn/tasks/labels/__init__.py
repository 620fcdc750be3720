"""Labels as a source writes them, and as a prepared task has them."""
