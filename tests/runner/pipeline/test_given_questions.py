"""Runs with a practice set or a test that people wrote: trained and asked as they are, recorded as theirs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import fakes
import pytest

from knowledge.study.recipe import GIVEN_FORMS
from runner.cli.main import main
from runner.pipeline.run_knowledge import open_domain
from runner.pipeline.worker import execute_claimed_run
from store.analysis.earlier_documents import COPY
from store import commands, queries
from store.database import Store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import KnowledgeChanged, QuestionSetRead, StudySetPrepared
from store.paths import Paths
from store.presets import preset
from store.queries.data_origin import origins_of
from store.report import as_html, gather
from store.run_config import HELD_OUT, TAUGHT, RunConfig

FACTS = [(f"Which pressure does boiler {n} run at?", f"Boiler {n} of the plant runs at {n * 11} bar in winter")
         for n in range(1, 9)]


def write(path: Path, rows: list[tuple[str, str]], passage: str = "") -> str:
    path.write_text("question,answer,passage\n" + "".join(f'"{q}","{a}","{passage and f"{passage} {a}."}"\n'
                                                           for q, a in rows), encoding="utf-8")
    return str(path)


def test_file(path: Path, passage: str = "") -> str:
    return write(path, [(f"The winter setting of vessel {n}, how high is it?", answer)
                        for n, (_, answer) in enumerate(FACTS, 1)], passage)


test_file.__test__ = False  # type: ignore[attr-defined]


def config(practice: str = "", test: str = "", **changes: Any) -> RunConfig:
    own: dict[str, Any] = {"practice": practice, "test": test, "general_replay": 0.0, "passes": 3.0}
    own |= {"topics": (), "questions": 4, "cycles": 2} if practice else {"questions": 3, "held_out": 8}
    own |= {"held_out": 0, "taught_questions": 8, "headline_tier": TAUGHT} if practice else {
        "taught_questions": 0, "headline_tier": HELD_OUT}
    return preset("embedded", **(own | changes))


def executed(store: Store, paths: Paths, chosen: RunConfig, name: str = "test") -> str:
    run = commands.launch_run(store, chosen, name)
    claim = leases.claim_next(store, leases.owner_name())
    resources = partial(fakes.fake_resources, domain=partial(open_domain, chosen))
    assert claim and execute_claimed_run(claim, paths, resources) == 0
    found = queries.find_run(store, run)
    assert found and found.work == "finished", found
    return run


def test_a_run_on_own_questions_alone_trains_them_and_asks_the_own_test(store: Store, paths: Paths,
                                                                         tmp_path: Path) -> None:
    chosen = config(write(tmp_path / "p.csv", FACTS), test_file(tmp_path / "t.csv"), arms=("placebo", "few-shot"))
    run = executed(store, paths, chosen)
    pairs = {cycle: queries.answers_of(store, run, cycle) for cycle in (1, 2)}
    practised = [pair for cycle in pairs for pair in pairs[cycle] if pair.tier == "practice"]
    assert sorted((pair.text, pair.reference) for pair in practised) == FACTS
    tested = [pair for pair in pairs[2] if pair.tier == TAUGHT]
    assert len(tested) == 8 and not any(pair.passage or pair.evidence for pair in tested)
    answers = {answer for _, answer in FACTS}
    assert all(len(pair.foils) == 3 and {text for _, text in pair.foils[:2]} < answers for pair in tested)
    events = [item.event for item in read_events(store, run)]
    assert [(one.role, one.questions, one.with_passage) for one in events if isinstance(one, QuestionSetRead)] == \
        [("practice", 8, 0), ("test", 8, 0)]
    prepared = next(one for one in events if isinstance(one, StudySetPrepared))
    assert {form.form for form in prepared.forms} <= set(GIVEN_FORMS)
    assert any("an answer alone, without a passage" in note for note in prepared.notes)
    assert {(one.part, one.kind, one.questions) for one in origins_of(store, run)} == \
        {("test", "people", 8), ("training", "people", 8)}
    evidence = gather(store, run)
    page = as_html(evidence) if evidence else ""
    assert "Training: 8 questions and 8 references, written by people (p.csv)." in page
    assert "questions and answers that people wrote" in page and "The teacher was the knowledge base itself" not in page


def test_an_own_test_on_documents_leaves_the_training_questions_to_the_teacher(store: Store, paths: Paths,
                                                                               tmp_path: Path) -> None:
    run = executed(store, paths, config(test=test_file(tmp_path / "t.csv", "As the manual says:"), topics=("pods",),
                                        arms=("retrieval", "tuned+retrieval"), reading_share=0.3))
    kinds = {(one.part, one.kind) for one in origins_of(store, run)}
    assert kinds == {("test", "people"), ("training", "rules")}
    tested = [pair for pair in queries.answers_of(store, run, 1) if pair.tier == HELD_OUT]
    assert len(tested) == 8 and all(pair.evidence in pair.passage and pair.passage.startswith("As") for pair in tested)


def test_a_resumed_run_uses_its_copy_of_the_files(store: Store, paths: Paths, tmp_path: Path) -> None:
    chosen = config(write(tmp_path / "p.csv", FACTS), test_file(tmp_path / "t.csv"))
    run = commands.launch_run(store, chosen, "test")

    def stop(where: str) -> None:
        if where == "fine_tune":
            raise KeyboardInterrupt

    claim = leases.claim_next(store, leases.owner_name())
    domain = partial(open_domain, chosen)
    with pytest.raises(KeyboardInterrupt):
        execute_claimed_run(claim, paths, partial(fakes.fake_resources, fail=stop, domain=domain))  # type: ignore
    assert (paths.run(run) / COPY).is_file()
    (tmp_path / "p.csv").unlink()
    write(tmp_path / "t.csv", FACTS[:2])
    leases.release_dead_claims(store, lambda owner: True)
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, paths, partial(fakes.fake_resources, domain=domain)) == 0
    changed = [item.event for item in read_events(store, run) if isinstance(item.event, KnowledgeChanged)]
    assert changed and "p.csv: it cannot be read" in changed[0].reason
    assert len([pair for pair in queries.answers_of(store, run, 2) if pair.tier == TAUGHT]) == 8


def test_another_answer_makes_another_test(store: Store, paths: Paths, tmp_path: Path) -> None:
    practice = write(tmp_path / "p.csv", FACTS)
    hashes = []
    for changed in ("", "once"):
        (tmp_path / f"t{changed}.csv").write_text(Path(test_file(tmp_path / "t.csv")).read_text().replace(
            "in winter\",\"\"\n", f"in winter {changed}\",\"\"\n", 1))
        run = queries.find_run(store, executed(store, paths, config(practice, str(tmp_path / f"t{changed}.csv"))))
        hashes.append(run and run.held_out_hash)
    assert hashes[0] and hashes[1] and hashes[0] != hashes[1]


@pytest.mark.parametrize(("options", "says"), [
    (["--practice", "p.csv"], "comes without a test"),
    (["--practice", "p.csv", "--test", "p.csv"], "asks in the test what row 2 of the practice set"),
    (["--practice", "none.csv"], "none.csv: it cannot be read"),
    (["--practice", "p.csv", "--test", "t.csv", "--retrieval"], "retrieval without passages"),
    (["--practice", "p.csv", "--test", "t.csv", "--held-out", "4"], "--held-out with --test t.csv"),
    (["--practice", "p.csv", "--test", "t.csv", "--headline-tier", "held-out"], "use --headline-tier paraphrase"),
    (["--practice", "p.csv", "--test", "t.csv", "--set", "paraphrases=3"], "paraphrases with practice")])
def test_what_cannot_be_had_is_refused_before_anything_is_written(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str],
        says: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("STORE_URL", "")
    write(tmp_path / "p.csv", FACTS)
    test_file(tmp_path / "t.csv")
    assert main(["run", *options]) == 2
    assert says in capsys.readouterr().err and not (tmp_path / "data").exists()
