"""Exported students load in plain transformers and give the same answers; the card holds the recorded values."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from rich.console import Console
from transformers import AutoModelForCausalLM, AutoTokenizer

from runner.cli.ask import render
from runner.cli.main import main
from runner.export.errors import CannotExport
from runner.export.student_export import Gguf, export, tuned_cycle
from runner.playground import ask
from runner.student import open_student
from runner.student.prompt_template import prompt_ids
from store import queries
from store.database import Store
from store.paths import Paths
from store.queries.best_adapter import best_adapter
from tests.runner.tiny_models import llama_folder
from tests.runner.tiny_runs import carried_out, launched

QUESTION = "What does a Service do for a Pod?"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str, Paths]:
    """A finished run of two cycles with a real tiny student."""
    folder = tmp_path_factory.mktemp("made")
    store, run, paths = launched(folder, llama_folder(folder / "tiny", context=512), cycles=2, repetition_penalty=1.0,
                                 learning_rate=2e-2)
    carried_out(store, run, paths)
    return store, run, paths


def answer_of(made: tuple[Store, str, Paths], cycle: int, adapter: bool = True) -> str | None:
    store, run, paths = made
    config = queries.find_run(store, run).config  # type: ignore[union-attr]
    student = open_student(config, paths.models)
    folder = paths.run(run) / f"cycle-{cycle:02d}" / "adapter" if adapter else None
    question: Any = SimpleNamespace(id="q", text=QUESTION)
    decoding = ask.generation_config(config)
    return next(iter(student.answer([question], decoding, config.seed, folder)))[0].text


def test_the_merged_folder_gives_the_same_greedy_answer_in_plain_transformers(
        made: tuple[Store, str, Paths], tmp_path: Path) -> None:
    store, run, paths = made
    done = export(store, paths, run, 2, tmp_path / "out", "merged")
    tokenizer = AutoTokenizer.from_pretrained(done.folder)
    model = AutoModelForCausalLM.from_pretrained(done.folder)
    template = open_student(queries.find_run(store, run).config, paths.models).template  # type: ignore[union-attr,attr-defined]
    ids = torch.tensor([prompt_ids(tokenizer, template, QUESTION)])
    made_ids = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=4, do_sample=False,
                              eos_token_id=list(template.stop_ids), pad_token_id=2)
    text = tokenizer.decode(made_ids[0, ids.shape[1]:], skip_special_tokens=True).strip() or None
    assert text == answer_of(made, 2) != answer_of(made, 2, adapter=False)
    assert "in fp32, as trained and scored" in done.precision


def test_the_adapter_alone_is_the_recorded_one(made: tuple[Store, str, Paths], tmp_path: Path) -> None:
    store, run, paths = made
    done = export(store, paths, run, 1, tmp_path / "out", "adapter")
    assert {path.name for path in done.folder.iterdir()} == {
        "adapter_config.json", "adapter_model.safetensors", "README.md", "SHA256SUMS"}
    assert queries.cycles_of(store, run)[0].adapter_sha256 in (done.folder / "README.md").read_text()


def test_the_card_is_the_records_word(made: tuple[Store, str, Paths], tmp_path: Path) -> None:
    store, run, paths = made
    card = (export(store, paths, run, 2, tmp_path / "out", "merged").folder / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert front["library_name"] == "transformers" and front["base_model"].endswith("tiny")
    found, cycle = queries.find_run(store, run), queries.cycles_of(store, run)[1]
    assert found and cycle.sentence and cycle.sentence in card and f"run {run}" in card
    for row in queries.changes_of(store, run, 2):
        if not row.topic and row.change is not None:
            assert f"| {row.change:+.3f} |" in card and f"{row.scored} of {row.asked}" in card
    assert str(found.knowledge_hash) in card and str(cycle.adapter_sha256) in card and "## Limits" in card
    assert "q_proj x 2" in card and "continued from cycle-01/adapter" in card
    assert "<|im_start|>user\n{question}<|im_end|>" in card


def test_a_four_bit_base_is_merged_in_higher_precision_and_the_card_says_so(tmp_path: Path) -> None:
    store, run, paths = launched(tmp_path, llama_folder(tmp_path / "tiny", context=512), precision="nf4", steps=1,
                                 questions=2, held_out=2)
    carried_out(store, run, paths)
    done = export(store, paths, run, 1, tmp_path / "out", "merged")
    assert AutoModelForCausalLM.from_pretrained(done.folder).dtype == torch.bfloat16
    assert "merged into the base weights in bf16" in done.precision and "a base in nf4" in done.precision
    assert done.precision in (done.folder / "README.md").read_text()


def test_a_converter_of_ones_own_writes_the_gguf_file(made: tuple[Store, str, Paths], tmp_path: Path) -> None:
    store, run, paths = made
    with pytest.raises(CannotExport, match="missing.py does not exist"):
        export(store, paths, run, 1, tmp_path / "out", "gguf", Gguf(converter=tmp_path / "missing.py"))
    converter = tmp_path / "convert_hf_to_gguf.py"
    converter.write_text("import pathlib, sys\nassert (pathlib.Path(sys.argv[1]) / 'model.safetensors').exists()\n"
                         "pathlib.Path(sys.argv[3]).write_bytes(b'GGUF')\n")
    done = export(store, paths, run, 1, tmp_path / "out", "gguf", Gguf(converter=converter))
    assert {path.name for path in done.folder.iterdir()} == {"model.gguf", "README.md", "SHA256SUMS"}
    converter.write_text("import sys\nsys.exit('this architecture is not supported')\n")
    with pytest.raises(CannotExport, match="exit code 1: this architecture is not supported"):
        export(store, paths, run, 1, tmp_path / "other", "gguf", Gguf(converter=converter))
    assert not (tmp_path / "other").exists() and [p.name for p in tmp_path.iterdir() if p.name[0] == "."] == []


@pytest.mark.parametrize(("run", "cycle", "said"), [
    ("nobody", None, "no run 'nobody'"), (None, 7, "no adapter of cycle 7: cycles with adapters: 1, 2")])
def test_what_is_not_there_cannot_be_exported(made: tuple[Store, str, Paths], run: str | None, cycle: int | None,
                                              said: str) -> None:
    store, real, paths = made
    with pytest.raises(CannotExport, match=said):
        tuned_cycle(store, paths, run or real, cycle)


def test_a_folder_that_is_there_already_is_never_written_over(made: tuple[Store, str, Paths],
                                                              tmp_path: Path) -> None:
    store, run, paths = made
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(CannotExport, match="already exists"):
        export(store, paths, run, 1, tmp_path, "adapter")


def test_an_adapter_that_is_not_the_recorded_one_is_refused(made: tuple[Store, str, Paths],
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    store, run, paths = made
    weights = paths.run(run) / "cycle-01" / "adapter" / "adapter_model.safetensors"
    kept = weights.read_bytes()
    weights.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    with pytest.raises(CannotExport, match="not the one that was recorded"):
        tuned_cycle(store, paths, run, 1)
    weights.write_bytes(kept)


def test_the_last_adapter_is_kept_and_the_best_of_several_on_the_test_is_not(made: tuple[Store, str, Paths]) -> None:
    store, run, _ = made
    best = best_adapter(store, run)
    rows = [row for row in queries.changes_of(store, run)
            if (row.tier, row.topic, row.metric) == ("held-out", "", "choice_accuracy")]
    assert best and best.cycle == 2 == best.candidates and best.score == rows[-1].tuned
    assert "The best of 2 is not picked by the very test that scored them" in best.sentence
    assert best_adapter(store, "nobody") is None


def test_asking_streams_the_very_answers_of_both_students(made: tuple[Store, str, Paths]) -> None:
    store, run, paths = made
    config = queries.find_run(store, run).config  # type: ignore[union-attr]
    before = queries.last_event_id(store, run)
    pieces = list(ask.answer_with_students(config, paths.run(run) / "cycle-02" / "adapter", QUESTION, paths,
                                           ask.open_student))
    assert [arm for arm, _ in pieces] == sorted(arm for arm, _ in pieces)  # baseline first, then tuned
    said = {arm: "".join(piece for of, piece in pieces if of == arm) for arm in ("baseline", "tuned")}
    assert said["baseline"] == answer_of(made, 2, adapter=False) and said["tuned"] == answer_of(made, 2)
    assert len(pieces) > 2 and "offline" in ask.answering_arms(config)["teacher"]
    assert queries.last_event_id(store, run) == before


def test_a_terminal_shows_the_arms_side_by_side() -> None:
    out = io.StringIO()
    arms = {"baseline": "", "tuned": "", "teacher": "off"}
    render(iter([("baseline", "A Pod"), ("tuned", "A "), ("tuned", "group")]), arms,
           Console(file=out, force_terminal=True, width=90))
    last = next(line for line in reversed(out.getvalue().splitlines()) if "A Pod" in line)
    assert "A group" in last and "(off)" in last


def test_the_commands_say_what_they_did_and_refuse_in_one_sentence(
        made: tuple[Store, str, Paths], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    _, run, paths = made
    monkeypatch.setenv("DATA_DIR", str(paths.data))
    monkeypatch.delenv("STORE_URL", raising=False)
    assert main(["export", run, "--form", "adapter", "--to", str(tmp_path / "out")]) == 0
    assert "picked by the very test" in capsys.readouterr().out
    assert main(["ask", run, QUESTION, "--cycle", "2"]) == 0
    assert "count in no score" in (said := capsys.readouterr().out) and "\ntuned:\n" in said
    assert main(["export", run, "--converter", "convert.py", "--to", str(tmp_path / "gguf")]) == 2
    assert "--converter" in capsys.readouterr().err
    assert main(["ask", "nobody", QUESTION]) == 2 and "no run 'nobody'" in capsys.readouterr().err
