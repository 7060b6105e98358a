"""Generating answers and scoring given answers by likelihood, batch by batch."""
