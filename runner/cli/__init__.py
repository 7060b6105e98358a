"""The commands, one per file: `add_arguments` declares the arguments, `run` does the work and returns the exit code.

`main.py` imports only the file of the command that was given, so that `--help` and errors respond at once.
"""
