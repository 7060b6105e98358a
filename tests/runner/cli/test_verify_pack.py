"""An honest evidence pack is verified; 50 altered ones are refused, each with a sentence that names what differs."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fakes
import pytest

from runner.cli.main import main
from runner.pipeline.worker import execute_claimed_run
from store import commands, queries
from store.commands.ratings_and_tags import rate
from store.control_arms import ARMS
from store.database import open_store
from store.event_log import leases
from store.events import AnswerRated
from store.paths import Paths
from store.report import pack_scores
from store.report import as_html, as_json, gather
from store.report.pack_seal import SEAL, seal_of
from store.report.signature import make_key, read_private_key
from store.report.verification import InvalidPack, verify
from store.presets import preset
from store.statistics import paired_change
from tests.addresses import address_in

Pack = dict[str, Any]
_computed = functools.cache(paired_change)
CONFIG = preset("embedded", topics=("pods", "services"), questions=6, held_out=8, steps=2, cycles=2, general=4,
                paraphrases=3, arms=tuple(ARMS), learning_curve=True, passes=None)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run of the real pipeline with every stage, and models that are fakes."""
    folder = tmp_path_factory.mktemp("data")
    store = open_store(address_in(folder))
    run = commands.launch_run(store, CONFIG, "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(folder, store.url), fakes.fake_resources) == 0
    answered = [pair for pair in queries.answers_of(store, run, 2) if pair.baseline and pair.tuned]
    for number, pair in enumerate(answered[:24]):
        rate(store, run, 2, AnswerRated(pair.question, ("better", "same", "worse")[number % 3], True, "tuned", "ann"))
    store.close()
    make_key(folder / "team")
    make_key(folder / "other")
    return folder, run


@pytest.fixture(autouse=True)
def _each_change_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 60 packs that differ in one place each, nearly all changes are computed from the same scores."""
    def of(baseline: Any, tuned: Any, clusters: Any, *more: Any) -> Any:
        return _computed(tuple(baseline), tuple(tuned), tuple(clusters), *more)
    monkeypatch.setattr(pack_scores, "paired_change", of)


@pytest.fixture(scope="module")
def signed(data: tuple[Path, str]) -> Pack:
    folder, run = data
    store = open_store(address_in(folder))
    evidence = gather(store, run)
    store.close()
    page = as_html(evidence) if evidence else ""
    assert evidence and "Sealed in the event log" in page and "Net preference for the tuned answers, by 24" in page
    return json.loads(as_json(evidence, read_private_key(folder / "team")))


@pytest.fixture(scope="module")
def public(data: tuple[Path, str]) -> str:
    return (data[0] / "team.pub").read_text()


def row_of(pack: Pack, **where: Any) -> Pack:
    """The change on the headline test in the last cycle, or where `where` says."""
    wanted = {"cycle": 2, "tier": "paraphrase", "metric": "reference_nll", "topic": ""} | where
    (found,) = [row for row in pack["changes"] if all(row[name] == value for name, value in wanted.items())]
    return found


def moved(value: Any) -> Any:
    return value + 1 if isinstance(value, int) else value * 1.01 + 0.001 if value is not None else 0.5


def change(name: str, value: Callable[[Any], Any] = moved, **where: Any) -> Callable[[Pack], None]:
    def alter(pack: Pack) -> None:
        row = row_of(pack, **where)
        row[name] = value(row[name])
    return alter


def at(*path: Any, value: Callable[[Any], Any] = moved) -> Callable[[Pack], None]:
    """Alter what lies at a path of keys, indices and `name=value` texts that pick a row."""
    def step(place: Any, key: Any) -> Any:
        if isinstance(key, str) and "=" in key:
            name, _, wanted = key.partition("=")
            return next(row for row in place if str(row[name]) == wanted)
        return place[key]

    def alter(pack: Pack) -> None:
        place: Any = pack
        for key in path[:-1]:
            place = step(place, key)
        place[path[-1]] = value(place[path[-1]])
    return alter


def say(words: Any) -> Callable[[Any], Any]:
    return lambda _before: words


def swap_scores(pack: Pack) -> None:
    """Exchange the scores of two questions of different topics."""
    rows = [row for row in pack["answers"] if row["cycle"] == 2 and row["tier"] == "paraphrase"]
    one = rows[0]
    other = next(row for row in rows if row["topic"] != one["topic"]
                 and row["answer_similarity_tuned"] != one["answer_similarity_tuned"])
    for name in [name for name in one if name.endswith(("_tuned", "_baseline"))]:
        one[name], other[name] = other[name], one[name]


def drop(section: str, **where: Any) -> Callable[[Pack], None]:
    def alter(pack: Pack) -> None:
        rows = pack[section]
        rows.remove(next(row for row in rows if all(row[name] == value for name, value in where.items())))
    return alter


def asked_later(pack: Pack) -> None:
    """Move the seal behind the first answers."""
    events = pack["events"]
    events.append(events.pop(next(i for i, event in enumerate(events) if event["kind"] == "DesignSealed")))


FIELDS = ("baseline", "tuned", "change", "low", "high", "scored", "asked", "wins", "ties", "losses", "p_value",
          "clusters", "t_p_value", "wilcoxon_p", "bootstrap_low", "bootstrap_high", "effect", "effect_low",
          "effect_high", "spread", "freedom")
NUMBERS: dict[str, tuple[Callable[[Pack], None], str]] = {
    **{f"change: {name}": (change(name), f"reference_nll on paraphrase, cycle 2: {name} is") for name in FIELDS},
    "a change's verdict": (change("verdict", say("regressed")), "verdict is 'regressed'"),
    "a topic's adjusted p": (change("adjusted_p", topic="pods"), "topic pods, cycle 2: adjusted_p is"),
    "a change left out": (drop("changes", cycle=1, tier="held-out", metric="rouge_l", topic=""),
                          "no row for rouge_l on held-out, cycle 1"),
    "a change invented": (at("changes", value=lambda rows: [*rows, rows[0] | {"topic": "jobs"}]),
                          "nothing in the pack supports the row"),
    "a cycle's verdict": (at("cycles", "cycle=2", "verdict", value=say("improved")), "cycle 2: verdict is 'improved'"),
    "a cycle's sentence": (at("cycles", "cycle=1", "sentence", value=lambda text: text.replace("0.", "0.9", 1)),
                           "cycle 1: its sentence lacks"),
    "the run's verdict": (at("run", "verdict", value=say("improved")), "run: verdict is 'improved'"),
    "the run's sentence": (at("run", "sentence", value=say("Improved.")), "run: sentence is 'Improved.'"),
    "the correction over cycles": (at("over_cycles", "adjusted_p", "1", value=say(0.01)), "over_cycles: adjusted_p"),
    "the gap of memory": (at("memorisation", 0, "distance"), "memorisation by choice_accuracy: distance is"),
    "a control arm": (at("arms", "arm=retrieval", "change"), "arm retrieval against baseline"),
    "a control arm's interval": (at("arms", "arm=few-shot", "low"), "arm few-shot against baseline"),
    "the parts of the gain": (at("shares", 0, "gain"), "of the gain by"),
    "the gap closed": (at("gaps", 0, "closed", value=say(0.7)), "gap to the teacher by"),
    "the longest text": (at("choice_baselines", 0, "accuracy"), "baseline of the longest text: accuracy is"),
    "kappa": (at("people", "metric=reference_nll", "kappa", "value"), "people and reference_nll: kappa is"),
    "a rating": (at("ratings", 0, "rating", value=say("worse")), "people and reference_nll: "),
    "the power": (at("power", "smallest"), "power: smallest is"),
    "the audit": (at("audits", 0, "kinds", "kind=short", "mean"), "audit of"),
    "a score": (at("answers", "tier=held-out", "answer_similarity_tuned"), "change of answer_similarity on held-out"),
    "an answer left out": (drop("answers", cycle=2, tier="paraphrase"), "scored is"),
    "two rows exchanged": (swap_scores, "topic"),
    "an arm's score": (at("arm_answers", "arm=placebo", "scores", "reference_nll"), "arm placebo against baseline"),
}
DESIGN: dict[str, tuple[Callable[[Pack], None], str]] = {
    "a question beside its answers": (at("answers", 0, "question", value=say("Why?")), "answers: question of question"),
    "a reference beside its answers": (at("answers", 0, "reference", value=say("So.")), "answers: reference of"),
    "the test": (at("asked", "questions", "stage=held-out", "question", value=say("Why?")), "design: test_sha256"),
    "a distractor": (at("asked", "questions", "stage=held-out", "distractors", value=lambda texts: texts[:1]),
                     "design: test_sha256"),
    "the deciding metric": (at("run", "config", "headline", value=say("reference_nll")), "design: headline was"),
    "a setting": (at("run", "config", "learning_rate"), "design: config_sha256"),
    "the seed": (at("run", "config", "seed"), "and the pack has seed 43"),
    "the margin": (at("asked", "design", "margin"), "design: it differs from the event"),
    "the time of the seal": (asked_later, "answers from before it was sealed"),
}
SECTIONS: dict[str, tuple[Callable[[Pack], None], str]] = {
    "the run's name": (at("run", "name", value=say("x")), "section 'run' was altered"),
    "an adapter's hash": (at("cycles", 0, "adapter_sha256", value=say("0" * 64)), "section 'cycles' was altered"),
    "the learning curve": (at("curve", 1, "value"), "section 'curve' was altered"),
    "an event left out": (at("events", value=lambda rows: rows[1:]), "section 'events' was altered"),
    "a section left out": (lambda pack: pack.pop("stages"), "section 'stages' is missing"),
    "a section more": (lambda pack: pack.update(more=1), "section 'more' is not in the seal"),
    "a hash": (at(SEAL, "sections", "run", value=say("0" * 64)), "section 'run' was altered"),
    "the signature": (at(SEAL, "signature", value=lambda text: f"{'B' if text[0] == 'A' else 'A'}{text[1:]}"),
                      "the signature does not belong"),
    "the signature taken away": (at(SEAL, "signature", value=say(None)), "a public key but no signature"),
    "the key taken away": (at(SEAL, "public_key", value=say(None)), "a signature but no public key"),
    "the key": (at(SEAL, "public_key", value=say("no key")), "the seal's key cannot be used"),
}


def refused(pack: Pack, says: str, trusted: str | None = None) -> None:
    found = verify(json.dumps(pack), trusted)
    assert any(says in sentence for sentence in found.differences), found.differences[:5]


def test_an_honest_pack_is_verified_number_by_number(signed: Pack, public: str) -> None:
    found = verify(json.dumps(signed), public)
    assert found.differences == () and found.compared > 3000 and found.design_sealed and found.signer
    assert len(NUMBERS) + len(DESIGN) + len(SECTIONS) >= 50


@pytest.mark.parametrize("what", [*NUMBERS, *DESIGN])
def test_an_altered_value_is_refused_although_the_hashes_were_made_anew(signed: Pack, public: str, what: str) -> None:
    alter, says = (NUMBERS | DESIGN)[what]
    pack = copy.deepcopy(signed)
    alter(pack)
    del pack[SEAL]
    refused(pack | {SEAL: seal_of(pack, None)}, says)
    refused(pack | {SEAL: seal_of(pack, None)}, "the pack is not signed", public)


@pytest.mark.parametrize("what", SECTIONS)
def test_what_has_no_rows_is_guarded_by_hashes_and_the_signature(signed: Pack, public: str, what: str) -> None:
    alter, says = SECTIONS[what]
    pack = copy.deepcopy(signed)
    alter(pack)
    refused(pack, says)


def test_a_pack_that_another_key_signed_is_refused(signed: Pack, public: str, data: tuple[Path, str]) -> None:
    pack = copy.deepcopy(signed)
    del pack[SEAL]
    pack |= {SEAL: seal_of(pack, read_private_key(data[0] / "other"))}
    refused(pack, "and not with the key that was asked for", public)
    assert verify(json.dumps(pack)).differences == ()  # by whom it is signed is for the reader to judge


@pytest.mark.parametrize(("text", "says"), [
    ("", "is not JSON"), ("{", "is not JSON"), ("[]", "no seal"), ("{}", "no seal"),
    ('{"seal": {"format": 2}}', "format 2, and this version reads up to 1"),
    ('{"seal": {"format": "x"}}', "not a version number"),
    ('{"seal": {"format": 1, "sections": {}, "public_key": null, "signature": null}}', "lacks what its numbers"),
])
def test_what_is_no_pack_is_refused_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(InvalidPack, match=says):
        verify(text)


def test_the_commands_make_a_key_sign_and_verify(data: tuple[Path, str], tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(data[0]))
    monkeypatch.delenv("STORE_URL", raising=False)
    key, pack = tmp_path / "key", tmp_path / "pack.json"
    assert main(["make-key", str(key)]) == 0 and main(["make-key", str(key)]) == 2
    assert key.stat().st_mode & 0o077 == 0
    assert main(["report", data[1], "--to", str(pack), "--sign", str(key)]) == 0
    monkeypatch.setenv("DATA_DIR", "/nowhere")  # a stranger has neither the store nor its folder
    assert main(["verify-pack", str(pack), "--key", f"{key}.pub"]) == 0
    assert "signed by SHA256:" in capsys.readouterr().out
    pack.write_text(pack.read_text().replace('"baseline": 2.', '"baseline": 3.', 1))
    assert main(["verify-pack", str(pack)]) == 1
    told = capsys.readouterr().out
    assert "baseline is 3." in told and "section 'changes' was altered" in told and "refused: " in told


@pytest.mark.parametrize(("arguments", "says"), [
    (["verify-pack", "nowhere.json"], "cannot be read"),
    (["report", "RUN", "--to", "e.html", "--sign", "team"], "only the pack that verify-pack reads"),
    (["report", "RUN", "--to", "e.json", "--sign", "nokey"], "cannot be read"),
    (["report", "RUN", "--to", "e.json", "--sign", "team.pub"], "is not an unprotected private key"),
    (["verify-pack", "team", "--key", "team"], "--key team: the public key is not in PEM"),
])
def test_keys_and_files_that_cannot_be_used_are_refused(data: tuple[Path, str], monkeypatch: pytest.MonkeyPatch,
                                                        capsys: pytest.CaptureFixture[str], arguments: list[str],
                                                        says: str) -> None:
    monkeypatch.chdir(data[0])
    monkeypatch.setenv("DATA_DIR", str(data[0]))
    monkeypatch.delenv("STORE_URL", raising=False)
    assert main([data[1] if word == "RUN" else word for word in arguments]) == 2
    assert says in capsys.readouterr().err
