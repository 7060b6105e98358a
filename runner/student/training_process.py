"""The processes of a training on several devices: `python -m runner.student.training_process PARENT DEVICES FILE`.

Started so, it starts torchrun, and torchrun starts it again once a device, with the file alone.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

from runner.hardware.parent_death import kill_with_parent
from runner.student import device_processes, errors
from runner.student.device_processes import FAILURE, RESULT, STEP, message


def main(arguments: list[str]) -> int:
    """Start torchrun (three arguments), or train as one of its processes (one)."""
    if len(arguments) == 3:
        parent, devices, described = arguments
        return _launch(int(parent), devices, described)
    from runner.hardware import configure_native_libraries

    kill_with_parent(os.getppid())
    configure_native_libraries()
    return _train(Path(arguments[0]))


def _launch(parent: int, devices: str, described: str) -> int:
    kill_with_parent(parent)
    from torch.distributed.run import main as torchrun

    torchrun(["--standalone", "--nproc-per-node", devices, "--max-restarts", "0", "-m",
              "runner.student.training_process", described])
    return 0


def _train(described: Path) -> int:
    from accelerate import PartialState

    from runner.protocols import TrainingStep
    from runner.student import ranks, trainer
    from runner.student.models.loader import load_model
    from runner.student.oom_errors import translate_oom
    from runner.student.prompt_template import prompt_template_for
    from store.event_log.journal import StopRequested

    training = device_processes.read_training(described)
    state = PartialState(cpu=training.device == "cpu")  # joins the processes

    def say(kind: str, **content: object) -> None:
        if ranks.is_first():
            print(message(kind, content), flush=True)

    def on_step(step: TrainingStep) -> None:
        say(STEP, **dataclasses.asdict(step))
        if Path(training.stop_file).exists():
            raise StopRequested("hand back")

    try:
        with translate_oom(f"fine-tuning on {len(training.examples)} examples and {ranks.processes()} devices"):
            loaded = load_model(training.source, training.precision, training.device)
            template = prompt_template_for(loaded.tokenizer, training.own_template)
            result = trainer.fine_tune(loaded, template, training.examples, training.recipe,
                                       Path(training.start) if training.start else None, Path(training.to), on_step,
                                       training.kept_tokens, training.until)
        say(RESULT, **dataclasses.asdict(result))
    except StopRequested:
        pass
    except errors.StudentError as error:  # the first process to report ends all of them
        print(message(FAILURE, {"error": type(error).__name__, "message": str(error)}), flush=True)
        return 1
    state.destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
