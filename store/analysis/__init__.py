"""Compute findings across metrics, cycles and runs from the read models."""
