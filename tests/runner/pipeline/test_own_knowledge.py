"""Runs with a folder of documents; bad folders are refused by name."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import fakes
import pytest

from knowledge.documents import domain_of_folder
from runner.pipeline.worker import execute_claimed_run
from store import commands, queries
from store.database import open_store
from store.event_log import leases
from store.paths import Paths
from tests.plain_runs import plain_run

ROOT = Path(__file__).resolve().parents[3]


def real_documentation() -> Path:
    """The guides that the installed streamlit package carries: real documentation of another domain."""
    spec = importlib.util.find_spec("streamlit")
    assert spec and spec.origin
    folder = Path(spec.origin).parent / ".agents"
    assert folder.is_dir()
    return folder


def test_a_run_over_real_documentation_of_another_domain_ends_with_both_tiers(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    folder = real_documentation()
    config = plain_run(knowledge=str(folder), knowledge_name="Streamlit", topics=(), questions=10, held_out=10,
                    steps=2)
    run = commands.launch_run(store, config, "test")
    claim = leases.claim_next(store, leases.owner_name())

    def bench(*given: object) -> object:
        return fakes.fake_resources(*given,
                                    domain=lambda: domain_of_folder(folder, "Streamlit"))  # type: ignore[arg-type]

    assert claim and execute_claimed_run(claim, Paths(tmp_path, store.url), bench) == 0  # type: ignore[arg-type]
    found = queries.find_run(store, run)
    assert found and found.work == "finished", found
    pairs = queries.answers_of(store, run, 1)
    assert len(pairs) == 20 and len({pair.topic for pair in pairs}) >= 8
    assert all(len(pair.foils) == 3 and pair.reference for pair in pairs)
    assert not [pair.text for pair in pairs if "kubernetes" in pair.text.casefold()]


@pytest.mark.parametrize(("make", "says"), [
    (lambda folder: None, "does not exist"), (lambda folder: folder.mkdir(), "readable"),
    (lambda folder: folder.write_text("x"), "folder")])
def test_a_folder_that_cannot_be_taught_from_is_refused_before_anything_is_written(tmp_path: Path, make: object,
                                                                                   says: str) -> None:
    folder = tmp_path / "docs"
    make(folder)  # type: ignore[operator]
    done = subprocess.run([sys.executable, "-m", "runner", "run", "--knowledge", str(folder)], cwd=ROOT, text=True,
                          capture_output=True, env=os.environ | {"DATA_DIR": str(tmp_path / "data")}, timeout=1700)
    assert done.returncode == 2 and str(folder) in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()
