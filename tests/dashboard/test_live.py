"""The page Live: stages as one line a phase, held-out loss beside the training loss, and sampled answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.figures.loss_curves import losses
from dashboard.view_models import stage_board
from store import events as happened
from store import queries
from store.queries.answer_samples import answer_samples
from store.queries.held_out_losses import HeldOutLoss, held_out_losses
from tests.dashboard import stores
from tests.dashboard.conftest import words_of
from tests.dashboard.run_maker import RunMaker, clock_at

Opened = Callable[..., AppTest]


@pytest.fixture
def at_work(tmp_path: Path) -> Iterator[tuple[Path, RunMaker]]:
    """A run in the training of its second cycle, whose students gave two sampled answers."""
    store = stores.store_at(tmp_path)
    with clock_at(stores.long_ago(0.1)) as clock:
        maker = RunMaker(store, stores.config_of(held_out=6), clock).start().opening()
        maker.cycle(1)
        asked = maker.asked[0]
        for arm, question, text in (("baseline", asked[0], "Unsure."), ("tuned", asked[1], "**A Pod** restarts.")):
            maker.say(happened.AnswerSampled(arm, question.question_id, text), cycle=1, stage="tuned")
        maker.cycle(2, until="fine-tune")
        maker.say(happened.MetricLogged("cpu_percent", 1, 93.6, "% of all cores"),
                  happened.MetricLogged("learning_rate", 1, 1.5e-3), cycle=2, stage="fine-tune")
        maker.hold(stores.LEASE)
    yield tmp_path, maker
    store.close()


def test_loss_held_out_loss_learning_rate_memory_and_cpu_come_first(at_work: tuple[Path, RunMaker],
                                                                    opened: Opened) -> None:
    app = opened(at_work[0], "live")
    assert not app.exception
    assert [tile.label for tile in app.metric] == ["Training loss", "Held-out loss", "Learning rate", "Memory", "CPU",
                                                   "Tokens per second"]
    values = {tile.label: tile.value for tile in app.metric}
    assert values["CPU"] == "94%" and values["Learning rate"] == "1.5e-03" and values["Held-out loss"] != "–"


def test_what_runs_at_the_same_time_is_named_beside_the_progress_of_what_started_last(at_work: tuple[Path, RunMaker],
                                                                                       opened: Opened) -> None:
    folder, maker = at_work
    maker.say(happened.StageStarted("judge"), happened.StageProgressed(3, 40, "scores by the judge model", ""), cycle=1,
              stage="tuned-evaluation")
    [state] = [text.value for text in opened(folder, "live").text if "Last event" in text.value]
    assert state.startswith("Cycle 1 of 3: Score fine-tuned answers, 3 of 40 scores by the judge model. "
                            "At the same time: Fine-tune the student. Last event")


def test_sampled_answers_stand_with_question_and_reference_as_plain_text(at_work: tuple[Path, RunMaker],
                                                                         opened: Opened) -> None:
    folder, maker = at_work
    app = opened(folder, "live")
    assert {"Unsure.", "**A Pod** restarts."} <= {code.value for code in app.code}
    words = words_of(app)
    assert "What does field 1 of services decide?" in words and "Fine-tuned student" in words
    newest, older = answer_samples(maker.store, maker.run)
    assert (newest.arm, older.arm) == ("tuned", "baseline") and newest.reference


def test_the_log_has_no_sampled_answer(at_work: tuple[Path, RunMaker]) -> None:
    kinds = {entry.kind for entry in queries.latest_events(at_work[1].store, at_work[1].run, None)}
    assert "StageStarted" in kinds and "AnswerSampled" not in kinds


def test_the_held_out_loss_is_the_mean_over_the_headline_test(at_work: tuple[Path, RunMaker]) -> None:
    maker = at_work[1]
    untrained, after = held_out_losses(maker.store, maker.run, "held-out")
    for found, arm in ((untrained, "baseline"), (after, "tuned")):
        values = [value for (cycle, by, question, metric), value in maker.scores.items() if value is not None
                  and (cycle, by, metric) == (found.cycle, arm, "reference_nll") and question.startswith("held-out-0")]
        assert found.value == pytest.approx(sum(values) / len(values)) and found.scored == len(values) == 6
    assert (untrained.cycle, after.cycle) == (0, 1) and after.value < untrained.value


def test_held_out_losses_are_diamonds_at_the_end_of_each_training(at_work: tuple[Path, RunMaker]) -> None:
    points = queries.series(at_work[1].store, at_work[1].run, "loss")
    figure = losses(points, [HeldOutLoss(0, 4.0, 6), HeldOutLoss(1, 3.5, 6), HeldOutLoss(9, 3.0, 6)])
    (marks,) = [trace for trace in figure.data if trace.mode == "markers"]
    assert list(marks.x) == [0, 60] and list(marks.y) == [4.0, 3.5], "a cycle without steps has no place"


def test_a_phase_is_a_line_with_a_square_for_each_stage(at_work: tuple[Path, RunMaker], opened: Opened) -> None:
    folder, maker = at_work
    run = queries.find_run(maker.store, maker.run)
    assert run
    cells = stage_board.board(run, queries.stages_of(maker.store, run.id), queries.cycles_of(maker.store, run.id))
    phases = stage_board.phases(cells)
    assert [phase.name for phase in phases] == ["Before", "Cycle 1", "Cycle 2", "Cycle 3", "After"]
    assert [cell for phase in phases for cell in phase.cells] == cells
    (lines,) = [block.proto.body for block in opened(folder, "live").main.get("html") if "phases" in block.proto.body]
    assert lines.count(" title=") == len(cells) and "▶ Fine-tune the student 30/60" in lines


def test_the_board_with_all_times_is_drawn_when_it_is_opened(at_work: tuple[Path, RunMaker], opened: Opened) -> None:
    def charts(app: AppTest) -> int:
        return len(app.main.get("plotly_chart"))
    app = opened(at_work[0], "live")
    folded = charts(app)
    app.session_state["stages folded"] = True
    assert charts(app.run()) == folded + 1 and not app.exception
