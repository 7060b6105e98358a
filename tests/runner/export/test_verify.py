"""What an export answers is compared with the record: honest exports pass, each way of spoiling one is found."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import fakes
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from runner.cli.main import main
from runner.export.inference_engines import ChatServer
from runner.export.measured_tokens import MeasuredTokens
from runner.export.student_export import Gguf, export
from runner.export.export_facts import facts_of_folder
from runner.export.verification import CannotVerify, Exported, RecordedTest, recorded_test, verify
from runner.student.exported_model import CannotAnswer, EngineAnswer, ExportedModel
from store import queries
from store.analysis.export_verdict import DIFFERENT, INCONCLUSIVE, SAME, NllDifference, export_verdict
from store.database import Store
from store.event_log.journal import read_events
from store.events import ExportVerified
from store.paths import Paths
from store.statistics import paired_change
from tests.runner.student.test_chat_template import folder_of
from tests.runner.tiny_models import llama_folder, phi_folder
from tests.runner.tiny_runs import carried_out, launched

Made = tuple[Store, str, Paths, Path]
TEMPLATE = "{{ messages[0]['content'] }}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A finished run of a real tiny student, and its honest export."""
    folder = tmp_path_factory.mktemp("made")
    store, run, paths = launched(folder, llama_folder(folder / "tiny", context=512), learning_rate=2e-2)
    carried_out(store, run, paths)
    yield store, run, paths, export(store, paths, run, 1, folder / "exported", "merged").folder
    store.close()


def verified(store: Store, run_id: str, paths: Paths, folder: Path, cycle: int = 1) -> ExportVerified:
    run = queries.find_run(store, run_id)
    assert run
    engine = ExportedModel(folder)
    return verify(store, recorded_test(store, run, cycle), Exported(str(folder), engine.size_bytes), engine,
                  fakes.FakeJudge(),
                  facts_of_folder(engine, run, paths.models), lambda line: None)


def test_an_honest_export_is_the_same_and_the_record_keeps_its_answers(made: Made) -> None:
    store, run, paths, folder = made
    found = verified(store, run, paths, folder)
    assert found.outcome == SAME and found.equal == found.asked > 0 and not found.causes
    nll = next(change for change in found.changes if change.metric == "reference_nll")
    assert nll.scored >= 6 and abs(nll.change or 0.0) < 1e-3
    stored = [item.event for item in read_events(store, run) if isinstance(item.event, ExportVerified)]
    assert stored[-1] == found and len(found.answers) == found.asked


def test_choice_accuracy_and_every_score_are_recorded_too(made: Made) -> None:
    found = verified(made[0], made[1], made[2], made[3])
    choice = next(change for change in found.changes if change.metric == "choice_accuracy")
    scores = [score for score in found.scores if score.metric == "choice_accuracy"]
    assert choice.change == 0 and choice.scored == len(scores) >= 6
    assert choice.recorded == pytest.approx(sum(score.recorded or 0.0 for score in scores) / len(scores))
    assert found.size_bytes == (made[3] / "model.safetensors").stat().st_size


@pytest.mark.parametrize("quantization", ["f16", "q8_0"])
def test_a_gguf_file_is_answered_for_too_and_an_honest_one_is_the_same(made: Made, tmp_path: Path,
                                                                       quantization: str) -> None:
    store, run, paths, _ = made
    folder = export(store, paths, run, 1, tmp_path / "out", "gguf", Gguf(quantization)).folder
    found = verified(store, run, paths, folder)
    assert found.outcome == SAME, found.sentence
    assert found.size_bytes == (folder / "model.gguf").stat().st_size and found.scores
    (folder / "generation_config.json").write_text('{"do_sample": true, "eos_token_id": [2, 1]}')
    assert "sampled" in verified(store, run, paths, folder).sentence


def edited(name: str, **values: Any) -> Callable[[Path, Path], None]:
    def edit(folder: Path, base: Path) -> None:
        file = folder / name
        file.write_text(json.dumps(json.loads(file.read_text()) | values))
    return edit


def with_template(template: str) -> Callable[[Path, Path], None]:
    def edit(folder: Path, base: Path) -> None:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        tokenizer.chat_template = template
        tokenizer.save_pretrained(folder)
    return edit


def with_weights(share: float, seed: int | None = None) -> Callable[[Path, Path], None]:
    """Move the weights from the base's (share 0) towards the merged ones (share 1), or take another base's."""
    def edit(folder: Path, base: Path) -> None:
        source = base if seed is None else llama_folder(folder.parent / "other", seed, context=512)
        merged = AutoModelForCausalLM.from_pretrained(folder)
        plain = AutoModelForCausalLM.from_pretrained(source).state_dict()
        merged.load_state_dict({name: torch.lerp(plain[name], weight, share)
                                for name, weight in merged.state_dict().items()})
        merged.save_pretrained(folder)
    return edit


def other_tokenizer(folder: Path, base: Path) -> None:
    """The tokenizer of another model: the same template, other token ids."""
    template = AutoTokenizer.from_pretrained(folder).chat_template
    shutil.copyfile(phi_folder(folder.parent / "phi") / "tokenizer.json", folder / "tokenizer.json")
    with_template(template)(folder, base)


def chatml(system: str = "", bos: str = "") -> str:
    before = f"{{{{ '{bos}' }}}}" if bos else ""
    said = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    return (before + said + "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
            "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")


@pytest.mark.parametrize(("spoil", "cause"), [
    pytest.param(with_template(TEMPLATE), "another prompt", id="other template"),
    pytest.param(with_template(chatml(bos="<|endoftext|>")), "another prompt", id="a BOS that training had not"),
    pytest.param(with_template(chatml(system="You are a pirate.")), "another prompt", id="system prompt added"),
    pytest.param(edited("generation_config.json", eos_token_id=None), "do not end at", id="missing EOS"),
    pytest.param(edited("generation_config.json", eos_token_id=[2, 1, 40]), "which ended none", id="wrong stop"),
    pytest.param(edited("generation_config.json", do_sample=True), "sampled", id="sampling on"),
    pytest.param(edited("generation_config.json", repetition_penalty=1.5), "repetition penalty of 1.5", id="penalty"),
    pytest.param(with_weights(0.0), "the adapter was not applied", id="unmerged LoRA"),
    pytest.param(with_weights(0.3), "other weights", id="LoRA scale"),
    pytest.param(with_weights(0.0, seed=7), "other weights", id="other base"),
    pytest.param(edited("config.json", rope_parameters={"rope_type": "default", "rope_theta": 100.0}),
                 "the position encoding", id="other rope"),
    pytest.param(edited("config.json", max_position_embeddings=16), "the longest context", id="truncated context"),
    pytest.param(other_tokenizer, "another tokenizer", id="wrong tokenizer"),
])
def test_a_spoilt_export_is_different_and_its_cause_is_named(
        made: Made, tmp_path: Path, spoil: Callable[[Path, Path], None], cause: str) -> None:
    store, run, paths, honest = made
    folder = tmp_path / "spoilt"
    shutil.copytree(honest, folder)
    spoil(folder, paths.data / "tiny")
    found = verified(store, run, paths, folder)
    assert found.outcome == DIFFERENT and cause in found.sentence, found.sentence


def test_an_export_without_the_bos_of_training_is_different_and_the_honest_one_is_the_same(tmp_path: Path) -> None:
    store, run, paths = launched(tmp_path, folder_of("llama-3", tmp_path / "tiny", context=640),
                                 repetition_penalty=1.0, learning_rate=2e-2)
    carried_out(store, run, paths)
    folder = export(store, paths, run, 1, tmp_path / "out", "merged").folder
    assert verified(store, run, paths, folder).outcome == SAME
    template = AutoTokenizer.from_pretrained(folder).chat_template
    assert template.count("<|begin_of_text|>") == 1
    with_template(template.replace("<|begin_of_text|>", ""))(folder, folder)
    found = verified(store, run, paths, folder)
    assert found.outcome == DIFFERENT and "another prompt" in found.sentence, found.sentence
    store.close()


@pytest.mark.parametrize(("changes", "said"), [({"penalize_end": False}, True), ({}, False),
                                               ({"penalize_end": False, "repetition_penalty": 1.0}, False)])
def test_a_test_that_spared_the_end_token_the_penalty_is_named(made: Made, changes: dict[str, Any], said: bool) -> None:
    """Runs of before did, and no engine does."""
    run = queries.find_run(made[0], made[1])
    assert run
    earlier = replace(run, config=replace(run.config, **({"repetition_penalty": 1.1} | changes)))
    facts = facts_of_folder(ExportedModel(made[3]), earlier, made[2].models)
    assert any("answers can go on for longer" in fact.phrase and not fact.decisive for fact in facts) == said
    assert MeasuredTokens(earlier, made[2].models).end_was_exempt("What is a Pod?") == said


class Repeats:
    """An engine that gives stored texts and no likelihoods, as a server does."""

    name = "a server"

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts

    def answers(self, questions: Sequence[str], max_new_tokens: int) -> Iterator[EngineAnswer]:
        return (EngineAnswer(text, 4, 0.1, True) for text in self.texts)

    def losses(self, pairs: Sequence[tuple[str, str]]) -> None:
        return None


def recorded(made: Made) -> RecordedTest:
    run = queries.find_run(made[0], made[1])
    assert run
    return recorded_test(made[0], run, 1)


def test_a_server_is_judged_by_its_answers_alone(made: Made) -> None:
    test = recorded(made)

    def asked(texts: list[str]) -> ExportVerified:
        return verify(made[0], test, Exported("http://localhost/v1"), Repeats(texts), fakes.FakeJudge(), (),
                      lambda line: None)
    own = [item.answer.text or "" for item in test.items]
    assert asked(own).outcome == SAME
    untrained = asked([test.untrained.get(item.question.question_id, "") for item in test.items])
    assert untrained.outcome in (DIFFERENT, INCONCLUSIVE) and untrained.equal < untrained.asked
    quoting = asked([item.reference.text or "" for item in test.items])
    assert quoting.outcome == DIFFERENT and "answer similarity changes by" in quoting.sentence


def test_unequal_texts_alone_are_never_different() -> None:
    score = [0.5] * 40
    kept = {"answer_similarity": paired_change(score, [0.5, 0.52] * 20, range(40))}
    assert export_verdict(kept, None, (), 0, 40).outcome == SAME
    few = {"answer_similarity": paired_change(score[:4], [0.9, 0.1, 0.5, 0.5], range(4))}
    assert export_verdict(few, None, (), 1, 4).outcome == INCONCLUSIVE
    assert export_verdict(kept, NllDifference(0.5, 40, 0.02), (), 40, 40).outcome == DIFFERENT


def test_the_command_line_says_the_same_in_words_json_and_exit_code(
        made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _, run, paths, folder = made
    monkeypatch.setenv("DATA_DIR", str(paths.data))
    monkeypatch.setattr("runner.judge.open_judge", fakes.FakeJudge)
    assert main(["verify", run, "--artefact", str(folder)]) == 0
    assert "Same as measured: " in capsys.readouterr().out
    spoilt = tmp_path / "spoilt"
    shutil.copytree(folder, spoilt)
    edited("generation_config.json", do_sample=True)(spoilt, folder)
    assert main(["verify", run, "--artefact", str(spoilt), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["outcome"] == DIFFERENT


@pytest.mark.parametrize(("run", "artefact", "says"), [
    ("nobody", "folder", "no run 'nobody'"), ("", "nowhere", "is no model folder"),
    ("", "http://127.0.0.1:9/v1", "does not answer"),
])
def test_what_cannot_be_verified_is_refused_with_a_sentence(
        made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], run: str, artefact: str,
        says: str) -> None:
    monkeypatch.setenv("DATA_DIR", str(made[2].data))
    assert main(["verify", run or made[1], "--artefact", artefact]) == 2
    assert says in capsys.readouterr().err


def test_a_folder_that_is_no_model_and_a_cycle_without_answers_are_refused(made: Made, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CannotAnswer, match="cannot be loaded by transformers"):
        ExportedModel(tmp_path)
    run = queries.find_run(made[0], made[1])
    assert run
    with pytest.raises(CannotVerify, match="no answers of a fine-tuned student of cycle 7"):
        recorded_test(made[0], run, 7)
    with pytest.raises(CannotAnswer, match="does not answer"):
        ChatServer("http://127.0.0.1:9/v1")
