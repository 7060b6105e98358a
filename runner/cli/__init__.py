"""One command a file: `add_arguments` declares its arguments, `run` does the work and returns the exit code.

`main.py` imports only the file of the command that was typed, so that `--help` and mistakes answer at once.
"""
