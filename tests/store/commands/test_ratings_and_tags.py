"""What people write to runs and answers: once a token, in a role that may, and the same after a rebuild."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from store import commands, queries, schema
from store.commands import CommandRefused, ratings_and_tags
from store.database import Store, open_store
from store.event_log.journal import read_events
from store.events import AnswerRated, RunDeleted
from store.permissions import PermissionDenied, Role
from store.projections.rebuild import rebuild
from store.run_config import RunConfig
from store.statistics import agreement
from tests.dashboard import stores


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str]:
    folder = tmp_path_factory.mktemp("remarks")
    run = stores.build("finished", folder)
    assert run
    return open_store(f"sqlite:///{folder / 'events.db'}"), run


def rating(question: str, **changes: object) -> AnswerRated:
    return AnswerRated(**{"question_id": question, "rating": "better", "blind": True, "left_arm": "tuned",
                          "rater": "ann", "note": "", **changes})  # type: ignore[arg-type]


def contents(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with store.read() as connection:
        return {table.name: sorted(map(tuple, connection.execute(table.select())), key=repr)
                for table in schema.READ_MODELS}


def test_a_rating_is_kept_with_its_side_and_a_later_one_takes_its_place(seeded: tuple[Store, str]) -> None:
    store, run = seeded
    question = queries.answers_of(store, run, 3)[0].question
    ratings_and_tags.rate(store, run, 3, rating(question, note="clearer"), token="one")
    ratings_and_tags.rate(store, run, 3, rating(question, rating="worse"), token="one")
    ratings_and_tags.rate(store, run, 3, rating(question, rater="ben", rating="same"))
    found = {item.rater: item for item in queries.ratings_of(store, run)}
    assert (found["ann"].rating, found["ann"].note, found["ann"].left_arm) == ("better", "clearer", "tuned")
    ratings_and_tags.rate(store, run, 3, rating(question, rating="worse"))
    assert {item.rater: item.rating for item in queries.ratings_of(store, run)} == {"ann": "worse", "ben": "same"}


@pytest.mark.parametrize("changes", [{"rating": "great"}, {"left_arm": "teacher"}, {"question_id": "none"},
                                     {"rater": " "}, {"note": "x" * 2001}])
def test_what_is_no_rating_is_refused(changes: dict[str, str], seeded: tuple[Store, str]) -> None:
    store, run = seeded
    question = queries.answers_of(store, run, 3)[1].question
    with pytest.raises(CommandRefused):
        ratings_and_tags.rate(store, run, 3, rating(question, **changes))
    assert question not in {item.question for item in queries.ratings_of(store, run)}


def test_tags_a_note_and_the_archive_belong_to_the_run(seeded: tuple[Store, str]) -> None:
    store, run = seeded
    ratings_and_tags.annotate(store, run, ("first", " first ", "", "paper"), " kept for the paper ", "ann")
    ratings_and_tags.archive(store, run, True, "ann")
    now = queries.find_run(store, run)
    assert now and (now.tags, now.note, now.archived) == (("first", "paper"), "kept for the paper", True)


def test_remarks_equal_a_rebuild_from_their_events(seeded: tuple[Store, str]) -> None:
    store, run = seeded
    ratings_and_tags.annotate(store, run, ("tag",), "note", "ann")
    before = contents(store)
    assert before["runs"]
    with store.write() as connection:
        rebuild(connection)
    assert contents(store) == before


def test_a_deleted_run_leaves_every_read_model_and_keeps_its_events(tmp_path: Path) -> None:
    runs = [stores.build(state, tmp_path) for state in ("finished", "failed")]
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    many = len(read_events(store, str(runs[0])))
    ratings_and_tags.delete(store, str(runs[0]), "ann")
    assert [run.id for run in queries.all_runs(store)] == [runs[1]]
    for table, rows in contents(store).items():
        assert not any(runs[0] in row for row in rows), table
    events = read_events(store, str(runs[0]))
    assert len(events) == many + 1 and events[-1].event == RunDeleted("ann")
    after = contents(store)
    with store.write() as connection:
        rebuild(connection)
    assert contents(store) == after
    with pytest.raises(CommandRefused, match="no run"):
        commands.change_run_state(store, "retry", str(runs[0]))
    store.close()


@pytest.mark.parametrize("state", ["queued", "running", "lost"])
def test_a_run_that_is_not_over_cannot_be_deleted(state: str, tmp_path: Path) -> None:
    run = str(stores.build(state, tmp_path))
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    with pytest.raises(CommandRefused, match="cancel it first"):
        ratings_and_tags.delete(store, run, "ann")
    assert queries.find_run(store, run)
    store.close()


ASKED: dict[str, Callable[[Store, str, Role], object]] = {
    "launch": lambda store, run, role: commands.launch_run(store, RunConfig(), "dashboard", role=role),
    "cancel": lambda store, run, role: commands.change_run_state(store, "cancel", run, role=role),
    "pause": lambda store, run, role: commands.change_run_state(store, "pause", run, role=role),
    "resume": lambda store, run, role: commands.change_run_state(store, "resume", run, role=role),
    "retry": lambda store, run, role: commands.change_run_state(store, "retry", run, role=role),
    "prioritise": lambda store, run, role: commands.prioritise(store, run, role=role),
    "archive": lambda store, run, role: ratings_and_tags.archive(store, run, True, "x", role),
    "delete": lambda store, run, role: ratings_and_tags.delete(store, run, "x", role),
    "annotate": lambda store, run, role: ratings_and_tags.annotate(store, run, ("x",), "", "x", role),
    "rate": lambda store, run, role: ratings_and_tags.rate(
        store, run, 1, rating(queries.answers_of(store, run, 1)[0].question), role),
}


@pytest.mark.parametrize("kind", ASKED)
def test_a_viewer_may_ask_nothing_and_nothing_is_written(kind: str, seeded: tuple[Store, str]) -> None:
    store, run = seeded
    before = (contents(store), queries.last_event_id(store, run))
    for role in (Role.VIEWER, *([] if kind in ("rate", "annotate") else [Role.REVIEWER])):
        with pytest.raises(PermissionDenied, match="operators"):
            ASKED[kind](store, run, role)
    assert (contents(store), queries.last_event_id(store, run)) == before


def test_agreement_counts_directions_and_claims_nothing_from_nothing() -> None:
    found = agreement([(1, 1)] * 8 + [(-1, -1)] * 2 + [(1, -1)] * 2 + [(0, 0), (0, 1), (1, 0)])
    assert (found.pairs, found.equal, found.same_way, found.opposite) == (15, 11, 10, 2)
    assert found.low is not None and found.high is not None
    assert found.low == pytest.approx(0.552, abs=0.002) and found.high == pytest.approx(0.953, abs=0.002)
    assert found.p_value == pytest.approx(0.0386, abs=0.0005)
    empty = agreement([(0, 1), (0, 0)])
    assert (empty.low, empty.high, empty.p_value) == (None, None, None)
