"""From HU to the density of bone: conversions, the trabecular core of a vertebra, and what a scan allows."""
