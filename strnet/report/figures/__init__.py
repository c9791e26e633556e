"""Figures of a report: arrays and results in, matplotlib figures and SVG out."""
