"""Parse Python source safely beside other threads and finalizers.

CPython 3.11's parser keeps one recursion counter per process: a second `ast.parse` that begins inside the first, in a
finalizer that formats a traceback or in another thread, makes the first raise SystemError ("AST constructor recursion
depth mismatch", python/cpython issue 106905).
"""

from __future__ import annotations

import ast
import gc
import threading

_ONE_AT_A_TIME = threading.Lock()


def parse_source(text: str) -> ast.Module:
    """Parse a module's source, one at a time and without garbage collection meanwhile.

    Raises:
        SyntaxError: the text is no Python.
    """
    with _ONE_AT_A_TIME:
        collecting = gc.isenabled()
        gc.disable()
        try:
            return ast.parse(text)
        finally:
            if collecting:
                gc.enable()
