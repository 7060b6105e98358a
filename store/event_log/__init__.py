"""Append-only event log: the journal that appends a run's events in order, and the claims and leases of runs."""
