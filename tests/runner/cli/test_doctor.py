"""`doctor` on intact, damaged, newer, empty and unreadable data folders; it changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from runner import hardware
from runner.cli import doctor
from runner.cli.main import main
from store import commands
from store.database import Store, open_store
from store.database.migrations import CURRENT
from store.event_log import leases
from store.event_log.journal import Journal
from store.events import StageFinished, StageStarted
from store.paths import Paths
from tests.another_user import as_nobody, open_to_all
from tests.plain_runs import plain_run


def _spoil(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    pages = len(whole) // 4096
    for page in range(2 * pages // 3, pages):
        whole[page * 4096:page * 4096 + 64] = bytes(range(64))
    path.write_bytes(whole)


def _newer(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    with store.write() as connection:
        connection.execute(text(f"INSERT INTO schema_version VALUES ({CURRENT + 1}, 'later')"))
    store.close()


@pytest.mark.parametrize(("breaking", "says"), [
    (_spoil, "runner restore"), (_newer, "newer program"), (lambda path: path.write_text("no database " * 900),
                                                            "not a database"),
    (lambda path: path.write_bytes(b""), "")])
def test_doctor_names_what_is_wrong_with_a_data_folder(paths: Paths, monkeypatch: pytest.MonkeyPatch,
                                                       capsys: pytest.CaptureFixture[str], breaking: Any,
                                                       says: str) -> None:
    open_store(paths.store_url).close()
    breaking(paths.data / "events.db")
    before = (paths.data / "events.db").read_bytes()
    monkeypatch.setenv("DATA_DIR", str(paths.data))
    monkeypatch.setattr(hardware, "probe_precision", lambda: hardware.PrecisionProbe(1.0, 1.0, "fp32", "not measured"))
    code = main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert says in found["store"]["fault"] and code == (1 if says else 0)
    assert says or "no tables yet" in found["store"]["holds"]
    assert (paths.data / "events.db").read_bytes() == before  # it looks, and changes nothing


def test_doctor_speaks_to_people_and_ends_with_what_it_comes_to(paths: Paths, monkeypatch: pytest.MonkeyPatch,
                                                                capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(paths.data))
    machine = hardware.Machine(2, 25_276_502_016, 20_000_000_000, None, 0, 0, ())
    monkeypatch.setattr(hardware, "measure", lambda: machine)
    monkeypatch.setattr(hardware, "probe_precision", lambda: hardware.PrecisionProbe(81.75049, 1712.4, "bf16", "so"))
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "ram total              25.3 GB" in said and "bf16 gflops            1,712\n" in said
    assert "gpu                    none" in said and "gpu free" not in said and "OPENAI_API_KEY" in said
    assert said.endswith("OK: the embedded preset can run here\n")
    (paths.data / "events.db").parent.mkdir(parents=True, exist_ok=True)
    (paths.data / "events.db").write_text("no database " * 900)
    assert main(["doctor"]) == 1
    assert "\nproblems: the store: " in capsys.readouterr().out


def test_doctor_counts_what_is_there_and_misses_what_is_not(store: Store, paths: Paths) -> None:
    run, file = commands.launch_run(store, plain_run(), "test"), "cycle-01/tuned.json"
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    Journal(store, claim).append(StageStarted("student"), StageFinished(1.0, file, 2, "aa", "bb"), cycle=1,
                                 stage="tuned")
    (paths.run(run) / file).parent.mkdir(parents=True)
    (paths.run(run) / file).write_text("{}")
    found = doctor.store_findings(paths)
    assert found["holds"].startswith("1 runs, 3 events") and found["checkpoints"] == "all present"
    assert (found["runners"], found["fault"]) == ("none connected", "")
    (paths.run(run) / file).unlink()
    assert doctor.store_findings(paths)["checkpoints"].startswith(f"1 missing in this data folder, of {run}")


def test_doctor_says_that_a_folder_cannot_be_written() -> None:
    with open_to_all() as folder:
        found = Paths(folder, f"sqlite:///{folder / 'events.db'}")
        assert as_nobody(lambda: doctor.is_writable(found)) == "False"
        folder.chmod(0o777)
        assert as_nobody(lambda: doctor.is_writable(found)) == "True"


def test_doctor_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Paths(Path("/nonexistent"), "postgresql+psycopg://me:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in json.dumps(doctor.store_findings(secret))
