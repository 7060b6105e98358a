"""LoRA adapters: PEFT, their files, dropout on a CPU."""
