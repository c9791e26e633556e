"""Compressed pictures read by their syntax: what they announce, and whether they end where they should."""
