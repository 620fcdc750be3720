"""Labels: how sources write them, and the class indices that they become."""
