"""The student: a small language model that answers questions, scores given answers by likelihood, and is fine-tuned.

Importing this package is cheap: torch and the libraries on top of it are imported when a student is opened.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.protocols import StreamingStudent, StudentInfo
    from runner.student.local_student import LocalStudent
    from store.run_config import RunConfig


def open_student(config: RunConfig, models_dir: Path, plan_index: int = 0,
                 on_plan: Callable[[StudentInfo], None] = lambda info: None) -> StreamingStudent:
    """Load the configured student.

    `plan_index` is the first memory plan to consider; raise it to try again after memory ran out. `on_plan` is called
    with the chosen plan before the model is loaded. With `config.student_server`, answers and likelihoods come from
    there.

    Raises:
        ModelLoadFailed: the model cannot be loaded; the message has the reason and what to do.
        OutOfMemory: memory ran out while loading.
        hardware.InsufficientMemory, hardware.NoSmallerPlan: no memory plan fits.
    """
    from runner.hardware import configure_native_libraries, time_loading

    configure_native_libraries()
    with time_loading():
        from runner.student.local_student import LocalStudent  # late: imports torch

        if config.student_server is None:
            local = LocalStudent.open(config, models_dir, plan_index, on_plan)
            return _on_every_gpu(local) if local.plan.device == "cuda" else local
        from runner.student.completion_server import CompletionServer
        from runner.student.served_student import ServedStudent, served_info

        server = CompletionServer(config.student_server, config.max_answer_seconds)
        local = LocalStudent.open(config, models_dir, plan_index,
                                  lambda info: on_plan(served_info(info, server.address)))
    return ServedStudent(local, server)


def _on_every_gpu(local: LocalStudent) -> StreamingStudent:
    """The student with a replica on each further GPU; with one GPU too, so that the batches are the same."""
    from runner.student.replicas import DealtStudent

    visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(local.devices)))
    return DealtStudent(local, visible.split(",")[1:local.devices])
