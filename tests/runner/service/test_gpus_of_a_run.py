"""`run --gpus N` takes the first N of the GPUs that it may use, and says so where there are fewer."""

from __future__ import annotations

import pytest

from runner.cli.main import main
from runner.errors import UserError
from runner.service.devices import first_gpus


def test_the_first_of_the_visible_gpus_are_taken() -> None:
    assert first_gpus(2, {"CUDA_VISIBLE_DEVICES": "4,1,7"}) == "4,1"
    with pytest.raises(UserError, match=r"--gpus 4: of this machine's GPUs this process may use 3 \(4, 1, 7\)"):
        first_gpus(4, {"CUDA_VISIBLE_DEVICES": "4,1,7"})


@pytest.mark.parametrize(("typed", "said"), [
    ("2", "--gpus 2: of this machine's GPUs this process may use none"), ("0", "use 1 to 16"), ("two", "use 1 to 16")])
def test_more_gpus_than_there_are_are_refused_before_anything_is_queued(
        typed: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    try:
        code: object = main(["run", "--gpus", typed])
    except SystemExit as refused:  # argparse
        code = refused.code
    assert code == 2 and said in capsys.readouterr().err
