"""Findings across metrics, cycles and runs, from the read models."""
