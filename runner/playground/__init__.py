"""One question to students and teacher, answered outside of any run."""
