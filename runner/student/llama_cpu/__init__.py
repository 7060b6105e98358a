"""Decoder and LoRA training for Llama-shaped models on a CPU; see README.md."""
