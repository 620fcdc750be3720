"""The torch modules that methods put into a model."""
