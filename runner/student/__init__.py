"""The student: a small language model that answers, weighs given answers, and learns.

Importing this package costs nothing: torch and its kin are loaded when a student is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.protocols import StreamingStudent, StudentInfo
    from store.config import RunConfig


def open_student(config: RunConfig, models_dir: Path, rung: int = 0,
                 on_plan: Callable[[StudentInfo], None] = lambda info: None) -> StreamingStudent:
    """The student that a configuration asks for, loaded and ready.

    `rung` goes that many rungs down the ladder of memory plans: for the try after memory ran out. `on_plan` hears of
    the plan before anything is loaded by it.

    Raises:
        ModelLoadFailed: it cannot be loaded; the message says why and what to do.
        OutOfMemory: memory ran out in loading.
        hardware.DoesNotFit, hardware.LadderEnded: there is no plan to load by.
    """
    from runner.hardware import configure_native_libraries, time_loading

    configure_native_libraries()
    with time_loading():
        from runner.student.local_student import LocalStudent  # late: imports torch

        return LocalStudent.open(config, models_dir, rung, on_plan)
