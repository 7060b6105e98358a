"""Honest exports of many students are never called different: in plain transformers, and through real servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import fakes
import pytest
import torch
from transformers import AutoModelForCausalLM

from runner.export.export_facts import facts_of_folder
from runner.export.inference_engines import ChatServer
from runner.export.llama_cpp_server import llama_cpp_server
from runner.export.measured_tokens import MeasuredTokens
from runner.export.student_export import Gguf, export
from runner.export.verification import Exported, recorded_test, verify
from runner.student.exported_model import ExportedModel
from store import queries
from store.analysis.export_verdict import DIFFERENT, SAME
from store.database import Store
from store.events import ExportVerified
from store.paths import Paths
from tests.runner.export.test_verify_served import served
from tests.runner.tiny_models import llama_folder
from tests.runner.tiny_runs import carried_out, launched

SEEDS, CYCLES = range(5), (1, 2)
Made = tuple[Store, str, Paths]
Asked = Callable[[Made, Path, int], ExportVerified]


@pytest.fixture(scope="module")
def students(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Made]]:
    """Finished runs of tiny students, each of other weights, in two cycles; decoded as by default."""
    found = []
    for seed in SEEDS:
        folder = tmp_path_factory.mktemp(f"student-{seed}")
        store, run, paths = launched(folder, llama_folder(folder / "tiny", seed, context=512, hidden=64), cycles=2,
                                     learning_rate=1e-2, held_out=8, max_new_tokens=12)
        carried_out(store, run, paths)
        found.append((store, run, paths))
    yield found
    for store, _, _ in found:
        store.close()


def by_transformers(made: Made, folder: Path, cycle: int) -> ExportVerified:
    store, run_id, paths = made
    run, engine = queries.find_run(store, run_id), ExportedModel(folder)
    assert run
    return verify(store, recorded_test(store, run, cycle), Exported(str(folder)), engine, fakes.FakeJudge(),
                  facts_of_folder(engine, run, paths.models), lambda line: None)


def by_address(made: Made, address: str, cycle: int) -> ExportVerified:
    store, run_id, paths = made
    run = queries.find_run(store, run_id)
    assert run
    return verify(store, recorded_test(store, run, cycle), Exported(address),
                  ChatServer(address, measured=MeasuredTokens(run, paths.models)), fakes.FakeJudge(), [],
                  lambda line: None)


def by_serve_model(made: Made, folder: Path, cycle: int) -> ExportVerified:
    with served(folder) as address:
        return by_address(made, address, cycle)


def by_llama_cpp(made: Made, folder: Path, cycle: int) -> ExportVerified:
    with llama_cpp_server(folder / "model.gguf", "ours") as (address, _):
        return by_address(made, address, cycle)


@pytest.mark.slow
@pytest.mark.parametrize("asked", [by_transformers, by_serve_model])
def test_of_twenty_merged_folders_none_is_called_different(students: list[Made], tmp_path: Path, asked: Asked) -> None:
    """Half of them in the precision of the test, and half in bf16."""
    found = []
    for number, made in enumerate(students):
        store, run, paths = made
        for cycle in CYCLES:
            folder = export(store, paths, run, cycle, tmp_path / f"{number}-{cycle}", "merged").folder
            found.append(asked(made, folder, cycle))
            assert found[-1].outcome == SAME, found[-1].sentence
            assert asked is not by_transformers or found[-1].equal == found[-1].asked
            AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).save_pretrained(folder)
            found.append(asked(made, folder, cycle))
    assert len(found) == 20 and not [one.sentence for one in found if one.outcome == DIFFERENT]


@pytest.mark.engines
def test_of_twenty_files_none_is_called_different_by_llama_cpps_server(students: list[Made], tmp_path: Path) -> None:
    found = []
    for number, made in enumerate(students):
        store, run, paths = made
        for cycle in CYCLES:
            for quantization in ("f16", "q8_0"):
                folder = export(store, paths, run, cycle, tmp_path / f"{number}-{cycle}-{quantization}", "gguf",
                                Gguf(quantization)).folder
                found.append(by_llama_cpp(made, folder, cycle))
    assert len(found) == 20 and not [one.sentence for one in found if one.outcome == DIFFERENT]
    scored = [score for one in found for score in one.scores if score.metric == "reference_nll"]
    assert len(scored) >= 100 and all(score.exported is not None for score in scored)
