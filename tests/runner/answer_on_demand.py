"""The playground process with a fake student that repeats the question.

Run as: python answer_on_demand.py OWNER; with LAST_WORD_AFTER=FILE it says its last word once that file is there.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

from runner.playground.worker import serve_questions  # noqa: E402
from runner.service.parent_death import die_with_parent  # noqa: E402
from store.database import open_store  # noqa: E402
from store.paths import default_paths  # noqa: E402


class Parrot:
    def stream(self, question: str, decoding: Any, seed: int, adapter: Path | None) -> Iterator[str]:
        yield "You "
        yield "asked: "
        while "LAST_WORD_AFTER" in os.environ and not Path(os.environ["LAST_WORD_AFTER"]).exists():
            time.sleep(0.02)
        yield question


if __name__ == "__main__":
    die_with_parent(sys.argv[1])
    serve_questions(open_store(default_paths().store_url), default_paths(), sys.argv[1],
                    open_student=lambda *_: Parrot())  # type: ignore[arg-type,return-value]
