"""Parse Python source safely beside other threads and finalizers.

CPython 3.11's parser keeps one recursion counter per process: a second `ast.parse` that begins inside the first, in a
finalizer that formats a traceback or in another thread, makes the first raise SystemError ("AST constructor recursion
depth mismatch", python/cpython issue 106905).
"""

from __future__ import annotations

import ast
import threading

from knowledge.garbage_collection import collection_paused

_ONE_AT_A_TIME = threading.Lock()


def parse_source(text: str) -> ast.Module:
    """Parse a module's source, one at a time and without garbage collection meanwhile.

    Raises:
        SyntaxError: the text is no Python.
    """
    with _ONE_AT_A_TIME, collection_paused():
        return ast.parse(text)
