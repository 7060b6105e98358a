"""The stages of a cycle, one thing a file; `runner/pipeline/pipeline.py` says in which order they run."""
