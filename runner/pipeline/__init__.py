"""A run as a pipeline of stages with checkpoints. Start with pipeline.py."""
