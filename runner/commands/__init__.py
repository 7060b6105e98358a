"""One command a file: `options` adds what can be typed after its name, `carry_out` does it and returns the exit code.

Heavy parts are imported when a command is carried out, so that `--help` and mistakes answer at once.
"""
