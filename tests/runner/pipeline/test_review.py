"""Runs that pause after their questions: nothing is answered before the review, and what was approved is trained."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import fakes
import pytest

from knowledge.questions import question_id
from knowledge.study.recipe import GIVEN_FORMS
from runner.cli.main import main
from runner.pipeline import executor
from runner.pipeline.run_knowledge import open_domain
from runner.pipeline.worker import execute_claimed_run
from store import commands, queries
from store.commands import review
from store.commands.review import Decision, Person
from store.database import Store, open_store
from store.dataset_items import APPROVED, REJECTED, UNDECIDED, DatasetItem
from store.event_log import leases
from store.event_log.journal import Journal, read_events
from store.events import AnswersGiven, DesignSealed, ItemsDrafted, QuestionsAsked, ReferencesWritten, StudySetPrepared
from store.paths import Paths
from store.presets import preset
from store.queries.dataset_items import dataset_items, dataset_review, rejected_drafts
from store.run_config import HELD_OUT, InvalidConfig, RunConfig
from store.sweep import plan_runs

ANN = Person("ann")
WORKER = Path(__file__).parents[1] / "worker_on_demand.py"
EDITED_ANSWER = "A pod that was edited by hand restarts seven times"
EDITED_QUESTION = "How often does a hand-edited pod restart before it is given up?"


def config(**changes: Any) -> RunConfig:
    small: dict[str, Any] = {"review": True, "topics": ("pods", "services", "jobs"), "questions": 5, "cycles": 2,
                             "held_out": 6, "taught_questions": 0, "headline_tier": HELD_OUT, "general_replay": 0.0,
                             "passes": 3.0}
    return preset("embedded", **(small | changes))


def step(store: Store, paths: Paths, run: str, **options: Any) -> str:
    """Execute the run until it stops; return its state."""
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and claim.run == run
    assert execute_claimed_run(claim, paths, partial(fakes.fake_resources, **options)) == 0
    found = queries.find_run(store, run)
    assert found, run
    return found.work


def of_part(store: Store, run: str, part: str, decision: str = UNDECIDED) -> list[DatasetItem]:
    return [one for one in dataset_items(store, run) if (one.part, one.decision) == (part, decision)]


def reviewed(store: Store, run: str) -> None:
    """Edit a training answer and a test question, reject one of each set, and ask again."""
    train, test = of_part(store, run, "train"), of_part(store, run, "test")
    review.decide(store, run, [Decision(train[0].question_id, answer=EDITED_ANSWER, seen=train[0].seen)], ANN)
    review.decide(store, run, [Decision(test[0].question_id, question=EDITED_QUESTION)], ANN)
    review.decide(store, run, [Decision(train[1].question_id, REJECTED), Decision(test[1].question_id, REJECTED)], ANN,
                  "dull")
    assert review.ask_again(store, run, ANN) == 2


def approved(store: Store, run: str) -> None:
    review.decide(store, run, [Decision(one.question_id) for one in dataset_review(store, run).of(UNDECIDED)], ANN,
                  bulk=True)
    review.finish_review(store, run, ANN)


def test_no_student_answers_before_the_review_and_the_run_uses_what_was_approved(store: Store, paths: Paths) -> None:
    run = commands.launch_run(store, config(), "test")
    assert step(store, paths, run) == "waiting-for-review"
    kinds = {type(one.event) for one in read_events(store, run)}
    assert ItemsDrafted in kinds and not {AnswersGiven, QuestionsAsked, DesignSealed} & kinds
    drafts = dataset_items(store, run)
    assert [sum(one.cycle == cycle for one in drafts) for cycle in (1, 2, 0)] == [5, 5, 6]
    assert all(one.answer and one.decision == UNDECIDED for one in drafts)
    reviewed(store, run)
    assert step(store, paths, run) == "waiting-for-review"
    again = [one for one in dataset_items(store, run) if one.round == 2]
    assert sorted(one.part for one in again) == ["test", "train"]
    assert not {one.question for one in again} & {one.question for one in drafts}
    approved(store, run)
    assert step(store, paths, run) == "finished"

    events = [one.event for one in read_events(store, run)]
    asked = [event for event in events if isinstance(event, QuestionsAsked)]
    texts = [question.text for event in asked for question in event.questions]
    references = {one.question_id: one for event in events if isinstance(event, ReferencesWritten)
                  for one in event.references}
    assert [len(event.questions) for event in asked] == [6, 5, 5]
    assert EDITED_QUESTION in texts and drafts[1].question not in texts
    corrected = references[drafts[0].question_id]
    assert corrected.text == EDITED_ANSWER and len(corrected.foils) == 3 and not corrected.evidence
    assert next(one.key_terms for event in asked for one in event.questions
                if one.question_id == drafts[0].question_id) == ()
    assert references[question_id(EDITED_QUESTION)].text
    prepared = next(event for event in events if isinstance(event, StudySetPrepared))
    lines = (paths.run(run) / prepared.file).read_text().splitlines()
    of_edited = [json.loads(line) for line in lines if json.loads(line)["passage_id"] == drafts[0].passage_id]
    assert of_edited and {one["form"] for one in of_edited} <= set(GIVEN_FORMS)
    assert not any(drafts[0].answer in one["answer"] for one in of_edited if drafts[0].answer)
    assert any("1 questions or references that people edited" in note for note in prepared.notes)
    assert not any(EDITED_QUESTION in line for line in lines)

    items = dataset_items(store, run)
    assert {one.decision for one in items} == {APPROVED} and sum(one.edited for one in items) == 2
    edited = next(one for one in items if one.question == EDITED_QUESTION)
    assert edited.drafted_question and edited.drafted_id and edited.question_id == question_id(EDITED_QUESTION)
    assert sum(one.reason == "rejected by ann: dull" for one in rejected_drafts(store, run)) == 2


def test_without_a_change_the_run_is_the_one_without_a_review(store: Store, paths: Paths) -> None:
    plain, run = (commands.launch_run(store, config(review=on), "test") for on in (False, True))
    assert step(store, paths, plain) == "finished" and step(store, paths, run) == "waiting-for-review"
    approved(store, run)
    assert step(store, paths, run) == "finished"
    sets = [[(one.question_id, one.answer, one.distractors, one.part, one.cycle) for one in dataset_items(store, id)]
            for id in (plain, run)]
    hashes = [found.held_out_hash for id in (plain, run) if (found := queries.find_run(store, id))]
    assert sets[0] == sets[1] and hashes[0] == hashes[1]


STAGES = ("test-drafts", "practice-drafts", "review", "held-out")


class Killed(BaseException):
    """Stands in for a kill -9: nothing catches it."""


@pytest.mark.parametrize("point", ["before the file", "after the file", "before the commit", "after the commit"])
def test_a_kill_at_every_step_loses_nothing_and_ends_in_the_same_bytes(tmp_path: Path, point: str,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _executed(tmp_path / "whole")
    seen: Counter[str] = Counter()

    def kill(where: str, stage: str) -> None:
        most = 2 if stage == "RunWaitingForReview" else 1  # once before anything is asked again, and once after
        if where == point and stage in (*STAGES, "RunWaitingForReview") and seen[stage] < most:
            seen[stage] += 1
            raise Killed

    write, append = executor.write_artifact, Journal.append

    def write_artifact(path: Path, *rest: Any) -> Any:
        kill("before the file", path.stem)
        written = write(path, *rest)
        kill("after the file", path.stem)
        return written

    def appended(self: Journal, *events: Any, cycle: int | None = None, stage: str | None = None) -> None:
        kill("before the commit", stage or events[0].event_type)
        append(self, *events, cycle=cycle, stage=stage)
        kill("after the commit", stage or events[0].event_type)

    monkeypatch.setattr(executor, "write_artifact", write_artifact)
    monkeypatch.setattr(Journal, "append", appended)
    killed = _executed(tmp_path / "killed")
    assert set(seen) == {*STAGES, *(["RunWaitingForReview"] if "commit" in point else [])}
    for name in STAGES:
        assert _events_of(whole / "cycle-00" / f"{name}.json") == _events_of(killed / "cycle-00" / f"{name}.json")
    assert _events_of(whole / "cycle-01" / "questions.json") == _events_of(killed / "cycle-01" / "questions.json")


PHASES: tuple[tuple[tuple[str, ...], Callable[[Store, str], None] | None], ...] = (
    (("test-drafts:before", "test-drafts:written", "practice-drafts:before", "practice-drafts:written",
      "review:before"), reviewed),
    (("review:before",), approved),
    (("review:before", "review:written", "held-out:before", "held-out:written"), None))
"""Where the run is killed until it waits or ends, and what people do then."""


@pytest.mark.slow
def test_a_real_kill_9_before_and_after_every_checkpoint_ends_in_the_same_bytes(tmp_path: Path) -> None:
    folders = []
    for name in ("whole", "killed"):
        paths = Paths(tmp_path / name, f"sqlite:///{tmp_path / name / 'events.db'}")
        paths.data.mkdir()
        store = open_store(paths.store_url)
        run = commands.launch_run(store, config(cycles=1, steps=2), "test")
        for points, act in PHASES:
            for point in points if name == "killed" else ():
                assert _worker(store, paths, run, point) == -signal.SIGKILL
                leases.release_dead_claims(store, lambda owner: True)
            assert _worker(store, paths, run, ":") == 0
            leases.release_dead_claims(store, lambda owner: True)
            found = queries.find_run(store, run)
            assert found and found.work == ("waiting-for-review" if act else "finished")
            if act:
                act(store, run)
        store.close()
        folders.append(paths.run(run))
    for stage in STAGES:
        whole, killed = (_events_of(folder / "cycle-00" / f"{stage}.json") for folder in folders)
        assert whole == killed


def _worker(store: Store, paths: Paths, run: str, kill_at: str) -> int:
    """Execute the run in a process of its own, which kills itself at a point; return its exit code."""
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and claim.run == run
    environment = os.environ | {"DATA_DIR": str(paths.data), "STORE_URL": paths.store_url, "KILL_AT": kill_at}
    return subprocess.run([sys.executable, str(WORKER), run, claim.owner, str(claim.fence), str(claim.attempt)],
                          env=environment, timeout=600).returncode


def _events_of(path: Path) -> Any:
    """The content of a checkpoint, without the header, which names the run."""
    return json.loads(path.read_text())["events"]


def _executed(folder: Path) -> Path:
    """Execute a run with a review, again after each kill; return its folder."""
    folder.mkdir()
    paths = Paths(folder, f"sqlite:///{folder / 'events.db'}")
    store = open_store(paths.store_url)
    run = commands.launch_run(store, config(cycles=1, steps=2), "test")

    def until_it_waits() -> str:
        for _ in range(12):
            try:
                return step(store, paths, run)
            except Killed:
                found = queries.find_run(store, run)
                if found and found.work == "waiting-for-review":
                    return found.work  # killed after the last commit
                leases.release_dead_claims(store, lambda owner: True)
        raise AssertionError("killed for ever")

    assert until_it_waits() == "waiting-for-review"
    reviewed(store, run)
    assert until_it_waits() == "waiting-for-review"
    approved(store, run)
    assert until_it_waits() == "finished"
    store.close()
    return paths.run(run)


def test_a_taught_test_question_whose_training_question_was_rejected_is_not_asked(store: Store, paths: Paths) -> None:
    run = commands.launch_run(store, config(cycles=1, taught_questions=4, headline_tier="paraphrase"), "test")
    assert step(store, paths, run) == "waiting-for-review"
    taught = {one.passage_id: one for one in dataset_items(store, run) if one.tier == "paraphrase"}
    rejected = next(one for one in of_part(store, run, "train") if one.passage_id in taught)
    review.decide(store, run, [Decision(rejected.question_id, REJECTED)], ANN, "wrong")
    approved(store, run)
    assert step(store, paths, run) == "finished"
    left = [one for one in dataset_items(store, run) if one.tier == "paraphrase"]
    assert len(left) == len(taught) - 1 and rejected.passage_id not in {one.passage_id for one in left}
    assert any("would teach its fact was rejected" in one.reason for one in rejected_drafts(store, run))


def test_peoples_own_sets_are_reviewed_and_an_edit_makes_another_test(store: Store, paths: Paths,
                                                                      tmp_path: Path) -> None:
    rows = [(f"Which pressure does boiler {n} run at?", f"Boiler {n} of the plant runs at {n * 11} bar in winter")
            for n in range(1, 9)]
    for name, changed in (("p.csv", rows), ("t.csv", [(f"How high is boiler {n} set in winter?", answer)
                                                      for n, (_, answer) in enumerate(rows, 1)])):
        (tmp_path / name).write_text("question,answer\n" + "".join(f'"{q}","{a}"\n' for q, a in changed))
    own = config(cycles=1, questions=8, topics=(), practice=str(tmp_path / "p.csv"), test=str(tmp_path / "t.csv"),
                 held_out=0, taught_questions=8, headline_tier="paraphrase")
    hashes = []
    for edit in (False, True):
        run = commands.launch_run(store, own, "test")
        assert step(store, paths, run, domain=partial(open_domain, own)) == "waiting-for-review"
        if edit:
            review.decide(store, run, [Decision(of_part(store, run, "test")[0].question_id, answer="12 bar")], ANN)
        approved(store, run)
        assert step(store, paths, run, domain=partial(open_domain, own)) == "finished"
        found = queries.find_run(store, run)
        hashes.append(found and found.held_out_hash)
    assert hashes[0] and hashes[1] and hashes[0] != hashes[1]


def test_a_group_with_a_review_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="review in a group"):
        plan_runs(lambda changes: config(**changes), {}, [1, 2, 3])


def test_resume_on_the_command_line_ends_the_review_and_says_what_is_missing(
        store: Store, paths: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(paths.data))
    monkeypatch.setenv("STORE_URL", paths.store_url)
    run = commands.launch_run(store, config(cycles=1), "test")
    assert step(store, paths, run) == "waiting-for-review"
    assert main(["queue"]) == 0 and f"{run}  waits for a review" in capsys.readouterr().out
    assert main(["resume", run]) == 2
    assert "11 questions are neither approved nor rejected" in capsys.readouterr().err
