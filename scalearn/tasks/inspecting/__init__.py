"""A look through a prepared task for what would spoil a campaign."""
