"""Events in order: the journal that appends them, claims and leases of runs."""
