"""The commands that rules call and people can call too."""
