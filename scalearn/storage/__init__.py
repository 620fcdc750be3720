"""Files that appear whole, and show it if they are altered."""
