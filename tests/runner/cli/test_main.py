"""The documented commands as real subprocesses: exit codes and messages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def runner(data: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if key not in ("OPENAI_API_KEY", "STORE_URL")}
    return subprocess.run([sys.executable, "-m", "runner", *arguments], cwd=ROOT, text=True, capture_output=True,
                          timeout=1700, env=clean | {"DATA_DIR": str(data)} | environment)


@pytest.mark.parametrize(("arguments", "says"), [
    (["--topics", "pods,services,podz"], ["'podz'", "did you mean 'pods'"]),
    (["--questions", "1001"], ["questions 1001", "1 to 1000"]),
    (["--preset", "embeded"], ["'embeded'", "embedded, phi-2"]),
    (["--questions", "0", "--cycles", "11"], ["questions 0", "cycles 11"]),
    (["--preset", "phi-2"], ["OPENAI_API_KEY", ".env"]),
    (["--student", "/nowhere/model"], ["'/nowhere/model'", "does not exist"]),
    (["--questions", "many"], ["invalid int value: 'many'"]),
])
def test_bad_input_is_named_with_the_way_out_and_nothing_is_written(tmp_path: Path, arguments: list[str],
                                                                    says: list[str]) -> None:
    data = tmp_path / "data"
    done = runner(data, "run", *arguments)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    for text in says:
        assert text in done.stderr
    assert not data.exists()


def test_a_folder_with_pickled_weights_only_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    done = runner(tmp_path / "data", "run", "--student", str(tmp_path))
    assert done.returncode == 2 and "safetensors" in done.stderr


def test_a_full_disk_is_noticed_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    from runner.pipeline.preflight import preflight_errors
    from store.paths import Paths
    from store.presets import preset

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=5_000_000))
    (found,) = preflight_errors(preset("embedded"), Paths(tmp_path / "data", "sqlite:///x"))
    assert "5 MB free" in found and "DATA_DIR" in found


def test_the_help_is_a_page_to_work_from() -> None:
    done = runner(Path("/nonexistent"), "--help")
    assert done.returncode == 0
    for text in ("run", "serve", "resume", "cancel", "doctor", "status", "examples:", "exit codes:", "DATA_DIR"):
        assert text in done.stdout


def test_status_on_no_store_makes_none(tmp_path: Path) -> None:
    done = runner(tmp_path / "data", "status")
    assert done.returncode == 0 and "no run yet" in done.stdout
    assert json.loads(runner(tmp_path / "data", "status", "--json").stdout) == []
    assert not (tmp_path / "data").exists()


def test_a_command_for_a_run_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert runner(tmp_path, "cancel", "nonsense").returncode == 2
    done = runner(tmp_path, "resume", "nonsense")
    assert done.returncode == 2 and "'nonsense'" in done.stderr


def test_a_store_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "events.db").write_text("no database " * 500)
    done = runner(tmp_path, "status")
    assert done.returncode == 2 and "not a database" in done.stderr and "Traceback" not in done.stderr


def test_knowledge_lists_topics_by_source(tmp_path: Path) -> None:
    found = json.loads(runner(tmp_path, "knowledge", "--json").stdout)
    assert len(found) == 20 and found["pods"]["notes"]["passages"] >= 5 and found["pods"]["api"]["questions"] > 50


def test_doctor_says_what_this_machine_can_run_and_never_shows_the_key(tmp_path: Path) -> None:
    done = runner(tmp_path, "doctor", "--json", OPENAI_API_KEY="sk-planted-key")
    found = json.loads(done.stdout)
    assert done.returncode == 0 and all(found["models"].values())
    assert found["teacher"]["OPENAI_API_KEY"] == "present" and "sk-planted-key" not in done.stdout
    assert found["precision probe"]["fp32_gflops"] > 0 and found["plan for the embedded preset"]["reason"]
