"""Projections: the read models as a function of the events, one file per subject."""
