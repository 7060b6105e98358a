"""Finding, downloading and loading a student model and its tokenizer."""
