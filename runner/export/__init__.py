"""Export fine-tuned students with a model card, and back up all state."""
