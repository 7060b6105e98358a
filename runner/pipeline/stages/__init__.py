"""The stages of the pipeline, one kind per file; `runner/pipeline/pipeline.py` lists them in order."""
