"""Figures as data: what they draw and omit, and that both themes show them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dashboard.figures.before_after import before_after, paired_change
from dashboard.figures.downsampling import moving_average
from dashboard.figures.gain_shares import gain_shares
from dashboard.figures.loss_curves import losses, memory, throughput
from dashboard.figures.metrics_by_cycle import metrics_by_cycle
from dashboard.figures.per_question import per_question
from dashboard.figures.stage_board import stage_board as board_figure
from dashboard.figures.stage_durations import stage_durations
from dashboard.figures.topic_heatmap import topic_heatmap
from dashboard.style import theme
from dashboard.view_models import run_selection, stage_board
from store import queries
from store.database import Store
from store.queries import ChangeRow, GainShare
from store.statistics import KNOWLEDGE, MEMORY, WORDING
from tests.dashboard import stores


def row(cycle: int = 1, change: float | None = 0.2, verdict: str = "improved", metric: str = "choice_accuracy",
        topic: str = "", **values: object) -> ChangeRow:
    given: dict[str, object] = {
        "run": "r", "cycle": cycle, "tier": "held-out", "metric": metric, "topic": topic, "baseline": 0.4,
        "tuned": None if change is None else 0.4 + change, "change": change,
        "low": None if change is None else change - 0.1, "high": None if change is None else change + 0.1,
        "scored": 12, "asked": 12, "wins": 5, "ties": 6, "losses": 1, "p_value": 0.2, "verdict": verdict}
    return ChangeRow(**(given | values))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def opened_store(all_states: tuple[Path, dict[str, str]]) -> Iterator[tuple[Store, dict[str, str]]]:
    folder, runs = all_states
    store = stores.store_at(folder)
    yield store, runs
    store.close()


def drawn(chart: str) -> dict[str, ElementTree.Element]:
    """The tracks of a chart of rows, by their labels."""
    rows = ElementTree.fromstring(chart).find("div[@class='rows']")
    assert rows is not None
    parts = list(rows)
    return {str(label.text): track for label, track in pairwise(parts) if "label" in label.get("class", "")}


def marks(track: ElementTree.Element) -> list[tuple[str, str]]:
    """Shape and colour of a row's marks, from back to front, without the grid."""
    return [(mark.get("class", ""), mark.get("style", "").partition("--mark:")[2]) for mark in track.findall("i")
            if mark.get("class") not in ("grid", "zero")]


def place(track: ElementTree.Element, shape: str) -> dict[str, float]:
    """Where a mark lies, in percent of the width: its left end and, of a bar, its width."""
    (mark,) = [mark for mark in track.findall("i") if mark.get("class") == shape]
    return {name: float(value.removesuffix("%")) for name, _, value in (
        part.partition(":") for part in mark.get("style", "").split(";")) if value.endswith("%")}


def test_before_is_open_and_after_is_filled_with_both_scores_in_words() -> None:
    chart = before_after("Scores", [row(1), row(2, -0.1)], "choice_accuracy")
    tracks = drawn(chart)
    assert list(tracks) == ["Cycle 1", "Cycle 2"]
    assert marks(tracks["Cycle 1"]) == [("bar", theme.RULE), ("ring", theme.BASELINE), ("dot", theme.TUNED)]
    assert "0.40 → 0.60" in chart and "0.40 → 0.30" in chart and "change −0.100" in chart
    up, down = tracks.values()
    assert place(up, "ring")["left"] == place(down, "ring")["left"], "one axis for all rows"
    assert place(down, "dot")["left"] < place(down, "ring")["left"] < place(up, "dot")["left"]
    assert place(up, "bar")["left"] == place(up, "ring")["left"]


def test_shares_have_the_whole_axis_so_that_a_small_change_looks_small() -> None:
    (share,) = drawn(before_after("", [row(1, 0.02)], "choice_accuracy")).values()
    (loss,) = drawn(before_after("", [row(1, 0.02, metric="reference_nll")], "reference_nll")).values()
    assert place(share, "bar")["width"] < 2 < 80 < place(loss, "bar")["width"]


def test_a_cycle_without_tuned_scores_is_left_out_not_drawn_as_zero() -> None:
    assert list(drawn(before_after("", [row(1), row(2, None)], "choice_accuracy"))) == ["Cycle 1"]
    assert list(drawn(paired_change("", [row(1), row(2, None)], "choice_accuracy"))) == ["Cycle 1"]
    assert drawn(before_after("", [row(1, None)], "choice_accuracy")) == {}


def test_the_interval_is_grey_where_nothing_can_be_said() -> None:
    chart = paired_change("", [row(1), row(2, 0.05, "no evidence"), row(3, -0.3, "regressed")], "choice_accuracy")
    assert [marks(track) for track in drawn(chart).values()] == [
        [("interval", theme.BETTER), ("up", theme.BETTER)],
        [("interval", theme.INCONCLUSIVE), ("circle", theme.INCONCLUSIVE)],
        [("interval", theme.WORSE), ("down", theme.WORSE)]]
    for name in ("improved", "regressed", "no evidence of a change"):
        assert f">{name}<" in chart.replace("</i>", ">")


def test_an_interval_reaches_from_its_low_to_its_high_end_over_a_line_at_zero() -> None:
    (track,) = drawn(paired_change("", [row(1, 0.2)], "choice_accuracy")).values()
    bar, change, zero = place(track, "interval"), place(track, "up")["left"], place(track, "zero")["left"]
    assert change == pytest.approx(bar["left"] + bar["width"] / 2, abs=0.02)
    assert (bar["left"] - zero) / (change - zero) == pytest.approx(0.5, abs=0.01), "0.1 of 0.2"


def test_identical_scores_in_nats_have_no_interval() -> None:
    same = row(1, 0.0, "no evidence", "reference_nll", wins=0, losses=0, ties=12)
    chart = paired_change("", [same], "reference_nll")
    assert marks(drawn(chart)["Cycle 1"]) == [("circle", theme.INCONCLUSIVE)] and "identical scores" in chart


def test_a_line_divides_rows_that_were_not_asked_the_same() -> None:
    rows = [row(1), row(2), row(1)]
    divided = drawn(before_after("", rows, "choice_accuracy", ["a", "b", "c"], [[0, 1]]))
    assert {name for name, track in divided.items() if "apart" in track.get("class", "")} == {"c"}
    assert "apart" not in before_after("", rows, "choice_accuracy", ["a", "b", "c"])


def test_a_hostile_label_is_no_markup() -> None:
    for chart in (before_after, paired_change):
        html = chart(stores.EVIL, [row(1), row(2)], "choice_accuracy", [stores.EVIL, "' onmouseover='alert(4)"])
        assert "<img" not in html and "<script" not in html
        assert not any("on" in name[:2] for one in ElementTree.fromstring(html).iter() for name in one.attrib)


def test_the_learning_curve_joins_held_out_and_leaves_practice_as_points() -> None:
    changes = [row(1), row(2), row(1, tier="practice"), row(2, tier="practice")]
    figure = metrics_by_cycle(changes, ["choice_accuracy"], "held-out")
    modes = {trace.name: trace.mode for trace in figure.data}
    assert modes == {"Held-out questions": "lines+markers", "Training questions": "markers"}
    assert list(figure.data[0].x) == [0, 1, 2]


def test_tiers_that_ask_the_same_in_every_cycle_are_lines() -> None:
    tiers = ("practice", "paraphrase", "new-topic", "held-out")
    figure = metrics_by_cycle([row(cycle, tier=tier) for tier in tiers for cycle in (1, 2)], ["choice_accuracy"],
                              "held-out")
    assert {trace.name: trace.mode for trace in figure.data} == {
        "Held-out questions": "lines+markers", "Unseen topics": "lines+markers", "Training questions": "markers",
        "Taught facts": "markers"}
    assert len({trace.marker.symbol if trace.mode == "markers" else trace.marker.symbol[1]
                for trace in figure.data}) == 4


def test_memorisation_knows_nothing_of_other_tiers() -> None:
    changes = [row(1, 0.1), row(1, 0.4, tier="practice"), row(1, 0.9, tier="paraphrase"),
               row(1, -0.9, tier="new-topic")]
    assert [round(item.distance, 6) for item in run_selection.memorisation(changes, "held-out")] == [0.3]
    assert run_selection.tiers_in(changes) == ["held-out", "paraphrase", "new-topic", "practice"]


def test_the_board_shows_every_stage_of_every_cycle(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    run = queries.find_run(store, runs["running"])
    assert run
    cells = stage_board.board(run, queries.stages_of(store, run.id), queries.cycles_of(store, run.id))
    assert len(cells) == 4 + 3 * 8 + 1
    figure = board_figure(cells)
    words = [word for line in figure.data[0].text for word in line]
    assert sum(word.startswith("✓") for word in words) == 4 + 8 + 4
    assert sum(word.startswith("▶ 30/60") for word in words) == 1
    assert list(figure.data[0].x) == ["Run", "Cycle 1", "Cycle 2", "Cycle 3"]


def test_losses_have_a_line_and_a_dash_for_each_cycle(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    figure = losses(queries.series(store, runs["finished"], "loss"))
    assert [trace.name for trace in figure.data if trace.name] == ["cycle 1", "cycle 2", "cycle 3"]
    assert len({trace.line.dash for trace in figure.data if trace.name}) == 3


def test_smoothing_begins_at_the_first_value() -> None:
    assert moving_average([4.0])[0] == pytest.approx(4.0)
    assert moving_average([2.0] * 10) == pytest.approx([2.0] * 10)


def test_memory_and_speed_are_drawn_by_stage(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    bars = memory(queries.series(store, runs["finished"], "peak_rss_bytes"), {"tuned": "Fine-tuned answers"})
    assert "Fine-tuned answers" in bars.data[0].y
    assert len(throughput(queries.series(store, runs["finished"], "training_tokens_per_second"), {}).data) == 1


def test_the_heatmap_writes_number_and_n_and_turns_gains() -> None:
    lower_is_better = [row(1, -0.5, metric="reference_nll", topic="pods", scored=7)]
    figure = topic_heatmap([("one", lower_is_better)], "reference_nll")
    assert figure.data[0].z[0][0] == pytest.approx(0.5)
    assert figure.data[0].text[0][0] == "−0.50<br>n = 7"


def test_the_change_of_every_question_is_sorted(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    pairs = queries.answers_of(store, runs["finished"], 3)
    figure = per_question(pairs, "answer_similarity")
    heights = sorted((x, y) for trace in figure.data for x, y in zip(trace.x, trace.y, strict=True))
    assert [y for _, y in heights] == sorted(y for _, y in heights)
    assert len(heights) == sum(pair.change("answer_similarity") is not None for pair in pairs)


def test_durations_are_stacked_in_the_order_of_the_stages(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    stages = [stage for stage in queries.stages_of(store, runs["finished"]) if stage.cycle == 1]
    chart = ElementTree.fromstring(stage_durations("a", [("one", stages)], {"fine-tune": "Fine-tune the student"}))
    (legend,) = chart.findall("div[@class='legend']")
    assert "".join(legend[4].itertext()) == "Fine-tune the student"
    ends = [style for mark in chart.iter("i") if (style := mark.get("style", "")) and "block" in mark.get("class", "")
            and "left" in style]
    places = [[float(number) for number in re.findall(r"([\d.]+)%", style)] for style in ends]
    assert len(places) == len(legend)
    for (left, width), (after, _) in pairwise(places):
        assert after == pytest.approx(left + width, abs=0.03)


@pytest.mark.parametrize(("memory", "named"), [(0.02, True), (-0.02, False)])
def test_knowledge_is_a_share_of_the_gain_only_where_no_part_is_negative(memory: float, named: bool) -> None:
    parts = [GainShare("chrf", part, gain, gain - 0.01, gain + 0.01, gain / (0.13 + memory), 24, 24, "r", 1)
             for part, gain in ((WORDING, 0.03), (KNOWLEDGE, 0.10), (MEMORY, memory))]
    title = gain_shares(parts, "chrf").layout.title.text
    assert title.startswith("Knowledge: +0.10") and ("of the gain" in title) is named


def test_no_chart_can_upload_itself() -> None:
    assert "sendChartToCloud" in theme.CONFIG["modeBarButtonsToRemove"]
    assert theme.CONFIG["displaylogo"] is False


def test_memorisation_is_the_distance_of_the_gains() -> None:
    changes = [row(1, 0.1), row(1, 0.4, tier="practice"), row(1, -0.2, metric="reference_nll"),
               row(1, -0.9, metric="reference_nll", tier="practice")]
    assert {item.metric: round(item.distance, 6) for item in run_selection.memorisation(changes, "held-out")} == {
        "choice_accuracy": 0.3, "reference_nll": 0.7}
