"""The knee from the front: its shape, its film, what the T-score plants in it."""
