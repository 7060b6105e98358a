"""Does something as a user who owns nothing: what root is allowed proves nothing about permissions.

In a child by fork, so that no program has to be readable to that user; where the tests run as somebody else than root,
they are such a user already.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


def as_nobody(do: Callable[[], object]) -> str:
    """What it returned, or the error that it ended with, as text. No store may be open meanwhile."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        said = "nothing was said"
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            said = str(do())
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        finally:
            os.write(tell, said.encode()[:60_000])
            os._exit(0)
    os.close(tell)
    with os.fdopen(told, "rb") as answer:
        said = answer.read().decode()
    os.waitpid(child, 0)
    return said


@contextmanager
def open_to_all() -> Iterator[Path]:
    """A folder that another user can reach: pytest's own let nobody in."""
    with tempfile.TemporaryDirectory(prefix="shared-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
