"""Source adapters that no run here has trained: reading, checking and fetching them."""
