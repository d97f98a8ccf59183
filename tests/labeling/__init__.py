"""The labelling room."""
