"""The judge: how close an answer comes to its reference, and which facts it holds.

Importing this package costs nothing: torch and ragas are loaded when a judge is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.roles import Judge


def open_judge() -> Judge:
    """The judge that needs no network: RAGAS semantic similarity over the bundled MiniLM encoder.

    Raises:
        ModelLoadFailed: the encoder's package is not installed.
    """
    from runner.hardware import settle_libraries

    settle_libraries()
    from runner.judge.similarity import SimilarityJudge  # late: imports torch and ragas

    return SimilarityJudge()
