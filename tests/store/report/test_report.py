"""The evidence pack: in every state, whatever a model wrote, in one file that calls nobody."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from store import events
from store.database import open_for_reading
from store.report import Evidence, as_csv, as_html, as_json, gather
from store.report.svg_charts import IntervalBar, forest_plot
from tests.dashboard import stores
from tests.dashboard.run_maker import RunMaker, clock_at

STATES = tuple(state for state in stores.STATES if state != "empty")
HARMLESS_TAGS = {
    "html", "head", "meta", "title", "style", "body", "header", "section", "h1", "h2", "h3", "h4", "p", "b", "pre",
    "code", "div", "span", "figure", "figcaption", "table", "tr", "th", "td", "svg", "line", "circle", "text",
}


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Evidence]:
    found = {}
    for state in STATES:
        folder = tmp_path_factory.mktemp(state)
        run = stores.build(state, folder)
        store = open_for_reading(f"sqlite:///{folder / 'events.db'}")
        gathered = gather(store, run or "")
        assert gathered is not None
        found[state] = gathered
        store.close()
    return found


class Reader(HTMLParser):
    """Tags with their attributes, as a browser would meet them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("state", STATES)
def test_a_run_in_any_state_has_a_page_that_answers_the_question(evidence: dict[str, Evidence], state: str) -> None:
    read = Reader(as_html(evidence[state]))
    assert "Does distillation into a small model work for this domain?" in read.words
    assert "python -m runner run --preset=embedded" in read.words and "--seed=42" in read.words
    headings = [tag for tag, _ in read.tags if tag == "h2"]
    assert len(headings) >= 5
    if state == "finished":
        sentence = evidence[state].run.sentence
        assert sentence and sentence in read.words and len(headings) >= 12


@pytest.mark.parametrize("state", STATES)
def test_nothing_in_the_page_can_act_or_be_fetched(evidence: dict[str, Evidence], state: str) -> None:
    page = as_html(evidence[state])
    read = Reader(page)
    assert {tag for tag, _ in read.tags} <= HARMLESS_TAGS
    told = {name for _, attributes in read.tags for name in attributes}
    assert not [name for name in told if name.startswith("on") or name in ("src", "href", "srcset", "style", "action")]
    (policy,) = [a["content"] for tag, a in read.tags if tag == "meta" and "http-equiv" in a]
    assert policy and policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy
    style = re.search(r"<style>(.*?)</style>", page, flags=re.S)
    assert style and "url(" not in style[1] and "@import" not in style[1]


def test_hostile_answers_stand_there_as_they_are_and_long_ones_are_cut(evidence: dict[str, Evidence]) -> None:
    page = as_html(evidence["hostile"])
    read = Reader(page)
    assert stores.EVIL in read.words and "<script>" not in page.replace("&lt;script&gt;", "")
    assert "A" * 1500 in read.words and "A" * 1501 not in read.words
    assert "Shown: the first 1,500 of 100,000 characters" in read.words
    assert "\u202e" not in page and "\x00" not in page and len(page) < 300_000


def test_the_csv_runs_no_formula_and_is_enough_to_reckon_the_change_again(evidence: dict[str, Evidence]) -> None:
    hostile = list(csv.DictReader(io.StringIO(as_csv(evidence["hostile"]), newline="")))
    cells = [cell for row in hostile for cell in row.values() if cell]
    assert f"'{stores.FORMULA}" in cells and stores.FORMULA not in cells
    finished = evidence["finished"]
    rows = [row for row in csv.DictReader(io.StringIO(as_csv(finished), newline=""))
            if (row["tier"], row["cycle"]) == ("held-out", "3")]
    both = [(float(row["choice_accuracy_baseline"]), float(row["choice_accuracy_tuned"])) for row in rows
            if row["choice_accuracy_baseline"] and row["choice_accuracy_tuned"]]
    assert finished.row is not None and finished.row.scored == len(both) and rows[0]["passage_id"]
    assert sum(after - before for before, after in both) / len(both) == pytest.approx(finished.row.change)


def test_the_json_holds_everything_unclipped(evidence: dict[str, Evidence]) -> None:
    told: dict[str, Any] = json.loads(as_json(evidence["hostile"]))
    assert "A" * 100_000 in [answer["tuned"] for answer in told["answers"]]
    assert told["command"].startswith("python -m runner run") and told["memorisation"][0]["distance"] is not None
    assert {"RunRequested", "RunStarted", "ArmsCompared"} & {event["kind"] for event in told["events"]}
    assert all(json.loads(as_json(evidence[state]))["run"]["id"] for state in STATES)


def test_the_worst_case_comes_first_and_is_really_the_worst(evidence: dict[str, Evidence]) -> None:
    finished = evidence["finished"]
    losses = [pair.change("choice_accuracy") or 0.0 for pair in finished.ranked()]
    assert losses == sorted(losses) and len(losses) == (finished.row.scored if finished.row else 0)
    assert finished.ranked()[0].text in Reader(as_html(finished)).words


def test_a_failed_run_says_what_went_wrong_and_what_was_tried(evidence: dict[str, Evidence]) -> None:
    words = Reader(as_html(evidence["failed"])).words
    assert "The model folder has no config.json." in words and "batch size halved to 2" in words
    assert "Nothing has been compared in this run" in words


def test_missing_answers_are_counted_with_their_reason(evidence: dict[str, Evidence]) -> None:
    words = Reader(as_html(evidence["finished"])).words
    assert "tuned answer: the answer was empty" in words and "truncated at the token or time limit" in words


def test_a_judge_that_failed_its_audit_stands_beside_the_verdict_that_it_gave(tmp_path: Path) -> None:
    store = stores.store_at(tmp_path)
    with clock_at(stores.long_ago(1)) as clock:
        config = stores.config_of(cycles=1, headline="answer_similarity")
        maker = RunMaker(store, config, clock).start().opening()
        maker.say(events.JudgeAudited(
            "answer_similarity", "all-MiniLM-L6-v2", 0, False, ("negated references <b>score</b> like true ones",), 8,
            (events.KindRecord("right", 1.0, 8, 0, 0, True), events.KindRecord("wrong", 0.98, 8, 1, 8, False)), (),
            4, 0.0, 0.0), cycle=0, stage="held-out-baseline-evaluation")
        maker.cycle(1, 0.3)
        run = maker.finish()
    gathered = gather(store, run)
    assert gathered is not None
    words = Reader(as_html(gathered)).words
    assert "failed: negated references <b>score</b> like true ones" in words and "wrong 0.98" in words
    assert "The deciding metric failed its audit" in words
    assert json.loads(as_json(gathered))["audits"][0]["passed"] is False
    store.close()


def test_control_arms_are_drawn_against_each_other_and_told_in_words(evidence: dict[str, Evidence]) -> None:
    words = Reader(as_html(evidence["arms"])).words
    assert "Tuned – placebo" in words and "Retrieval – untrained" in words and "Gap to the teacher closed" in words
    assert "Learning curve within training" in words
    assert "This run had no control arms" in Reader(as_html(evidence["finished"])).words


def test_what_teacher_and_judge_model_cost_stands_there(evidence: dict[str, Evidence]) -> None:
    words = Reader(as_html(evidence["paid"])).words
    assert "The teacher used 30 calls and 41,000 tokens; cost: 0.0123 USD." in words
    assert "No judge model was called." in words
    assert "No teacher was called." in Reader(as_html(evidence["finished"])).words


def test_a_run_whose_judges_nobody_audited_says_so(evidence: dict[str, Evidence]) -> None:
    assert evidence["queued"].audits == []
    assert "This run has no judge audit" in Reader(as_html(evidence["queued"])).words


def test_there_is_no_evidence_of_a_run_that_is_not_there(tmp_path: Path) -> None:
    store = stores.store_at(tmp_path)
    assert gather(store, "nonsense") is None
    store.close()


def test_a_drawing_escapes_its_words_and_draws_no_interval_that_is_not_there() -> None:
    drawn = str(forest_plot([IntervalBar("<b>&\"", 0.1, None, None, "too few to say"),
                             IntervalBar("none", None, None, None, "not measured")], 1, "<title>"))
    assert "<b>" not in drawn and "&lt;b&gt;&amp;" in drawn and 'class="reach' not in drawn and "not measured" in drawn


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_real_browser_shows_it_calls_nobody_and_prints_it(evidence: dict[str, Evidence], tmp_path: Path,
                                                            scheme: Any) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="the playwright package is not installed")
    if not Path("/usr/bin/chromium").exists():
        pytest.skip("there is no /usr/bin/chromium: apt-get install chromium")
    to = tmp_path / "evidence.html"
    to.write_text(as_html(evidence["hostile"]), encoding="utf-8")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium",
                                              args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page(color_scheme=scheme, viewport={"width": 1000, "height": 800})
        called: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: called.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.goto(to.as_uri())
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        sideways = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        printed = page.pdf(prefer_css_page_size=True)
        chromium.close()
    assert called == [to.as_uri()] and not said and sideways <= 0 and printed.startswith(b"%PDF")
    assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(18, 22, 28)")


def test_a_run_of_a_group_carries_the_group_over_questions_and_seeds(tmp_path: Path) -> None:
    store = stores.store_at(tmp_path)
    ids = stores.group_of_runs(store, stores.long_ago(10))
    found = gather(store, ids[0])
    assert found
    words = " ".join(Reader(as_html(found)).words.split())
    assert "Other trainings: group rates" in words and "3 of 3 runs are in the numbers" in words
    assert "The interval is over questions and over training seeds (3)." in words and "seed 3" in words
    assert "Left out: rates: learning rate 0.001, seed 3: queued." in words
    group = json.loads(as_json(found))["group"]
    assert [len(one["runs"]) for one in group["combinations"]] == [3, 2]
    alone = gather(store, stores.finished(store, stores.long_ago(1), (0.2,)))
    assert alone and json.loads(as_json(alone))["group"] is None and "Other trainings" not in as_html(alone)
