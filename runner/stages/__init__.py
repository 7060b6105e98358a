"""The stages of a cycle, one thing a file; `runner/cycle.py` says in which order they run."""
