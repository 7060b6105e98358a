"""The words and number formats of every page, once: states, verdicts, tiers, empty states.

Knows no Streamlit and no store access. What is missing is a dash, never a zero.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import PurePath

from knowledge.kubernetes.topics import BUILT_IN, TOPIC_BY_SLUG
from store import formatting, metrics
from store.config import EMBEDDED_STUDENT, OFFLINE_TEACHER, RunConfig
from store.metrics import METRICS
from store.queries import ChangeRow, PlaygroundQuestion, Run, TeacherUsage

DASH = formatting.DASH
number, change, interval, effect, coverage = (
    formatting.number, formatting.change, formatting.interval, formatting.effect, formatting.scored_of)
duration, money, metric, clipped = formatting.duration, formatting.money, formatting.metric, formatting.clipped
count = formatting.plural

NO_STORE = "Nothing has been recorded yet. Launch a run from the sidebar, or with `python -m runner run`."
NO_RUNNER = "No runner is connected: start it with `make run` or `python -m runner serve`."
NO_RUNNER_HINT = "Without a connected runner it will not begin: see the sidebar."
NO_SCORES = "No cycle of this run has been compared yet. The page Live shows how far it has come."
ENDED_WITHOUT_SCORES = "This run ended before any cycle was compared. The page Live shows how far it came."
SEVERAL_CYCLES = "With several cycles, one may look good by luck: the verdict is the last cycle's, not the best one's."
NOT_TUNED = ("No tuned answer was scored, so there is nothing to compare. These are the scores of the untrained "
             "student; what is missing is missing, not zero.")
NO_ANSWERS = "This cycle has no questions yet."

RUN_HELP = "Which run this page is about: its name, verdict or state, when it was asked for, and the end of its id."
METRIC_HELP = "What is scored. What each metric says, and cannot see, stands at the end of the page Overview."
CYCLE_HELP = "Each cycle trains once more. These are the answers of the student as that cycle left it."

SIMILARITY_NOTE = ("Similarity is not correctness. An answer that says the opposite in the same words scores nearly as "
                   "high as the truth: read answer similarity together with choice accuracy or fact recall.")
TRIAL_NOTE = ("Before its scores were used, each judge scored planted answers to questions of this run's own test. It "
              "passes if every true answer, full or short, beats every wrong one by more than its retest noise, and if "
              "padding does not raise the score. Mean score by kind of planted answer:")
CUT_OFF_NOTE = ("Answers that reached the token limit, which is the same for both, are scored as they stand; those "
                "cut off by time or context have no score.")
OFFLINE_NOTE = ("This run was taught offline: its references are the passages' own words, not the prose of a large "
                "model. It shows that the student learns what it is taught, not how well a large teacher teaches.")
MEMORISATION_NOTE = ("Memorisation is the gain on questions that were trained on minus the gain on held-out ones. "
                     "Near zero the student learned what carries over; far above it learned the questions by heart.")

DELETION = ("It leaves every page, comparison and estimate, with its answers, scores and ratings.\n\nWhat stays: its "
            "events, which are never taken back (they are the record of what was done), and its checkpoints and "
            "adapters under `data/runs`. There is no way back on these pages.")

ARMS_NOTE = ("Other ways to an answer, on the same held-out test, scored by the same judges, after the last cycle. "
             "They were chosen before the run and do not affect its verdict. What is said of each arm is corrected for "
             "the number of comparisons (Holm); the intervals are not.")
NO_ARMS = ("This run has no control arms: other ways to an answer, such as searching the documents, which show whether "
           "training was worth it. Ask for them in the launch form, under Advanced.")
ARMS_TO_COME = "The control arms answer after the last cycle."
GAP_NOTE = ("(tuned − untrained) / (teacher − untrained), with Fieller's interval, and only where the teacher is "
            "clearly above the untrained student.")
ALONG_TRAINING_NOTE = ("The same held-out test, scored by the student's own likelihoods at several points of the "
                       "training. It shows whether more steps would still help, or already hurt.")


@dataclass(frozen=True)
class StatusStyle:
    """How a state is shown: its word, a sign that needs no colour, an icon, and a badge colour."""

    word: str
    sign: str
    icon: str
    color: str


WORK: dict[str, StatusStyle] = {
    "queued": StatusStyle("Queued", "○", ":material/schedule:", "gray"),
    "running": StatusStyle("Running", "▶", ":material/play_arrow:", "blue"),
    "paused": StatusStyle("Paused", "Ⅱ", ":material/pause:", "gray"),
    "finished": StatusStyle("Finished", "✓", ":material/check:", "green"),
    "failed": StatusStyle("Failed", "✗", ":material/error:", "red"),
    "cancelled": StatusStyle("Cancelled", "■", ":material/block:", "gray"),
    "lost": StatusStyle("Lost", "?", ":material/link_off:", "orange"),
}
VERDICTS: dict[str, StatusStyle] = {
    "improved": StatusStyle("Improved", "▲", ":material/trending_up:", "green"),
    "regressed": StatusStyle("Regressed", "▼", ":material/trending_down:", "red"),
    "no evidence": StatusStyle("No evidence of a change", "●", ":material/trending_flat:", "gray"),
    "too few to say": StatusStyle("Too few to say", "…", ":material/help:", "gray"),
    "not measured": StatusStyle("Not measured", "–", ":material/remove:", "gray"),
}
ANSWERS: dict[str, str] = {
    "improved": "Yes: the student improved", "regressed": "No: the student got worse",
    "no evidence": "No evidence of a change", "too few to say": "Too few questions to say",
    "not measured": "Not measured",
}
"""The verdicts as answers to the question that heads the overview."""
TIERS: dict[str, str] = {"held-out": "Held-out (never trained on)", "practice": "Practice (trained on)",
                         "paraphrase": "Paraphrase (same fact, asked otherwise)",
                         "new-topic": "New topic (never trained)",
                         "general": "General (everyday questions: what was forgotten)"}
RUN_ORDERS: dict[str, str] = {"newest": "Newest first", "oldest": "Oldest first", "longest": "Longest first",
                              "shortest": "Shortest first", "name": "By name", "verdict": "By verdict"}
CYCLE_WORK: dict[str, str] = {"running": "running", "finished": "finished", "not tuned": "fine-tuning was off",
                              "no adapter": "training left no adapter"}


def work(state: str) -> StatusStyle:
    """A state of work; an unknown one keeps its own name."""
    return WORK.get(state, StatusStyle(state, "·", ":material/question_mark:", "gray"))


def verdict(name: str | None) -> StatusStyle:
    """A verdict, or that there is none yet."""
    return VERDICTS.get(name or "", StatusStyle(name or "No verdict yet", "·", ":material/pending:", "gray"))


def tier(name: str) -> str:
    return TIERS.get(name, name)


def tier_short(name: str) -> str:
    """A tier in a table: its label without what stands in brackets."""
    return tier(name).partition(" (")[0]


def tier_help() -> str:
    """What each tier is, for the choice of one."""
    return "\n".join(f"- {sentence}" for sentence in metrics.TIERS.values())


def metric_short(name: str) -> str:
    return METRICS[name].title if name in METRICS else metric(name)


def metric_within(name: str) -> str:
    """A metric's title within a sentence: ROUGE-L and chrF keep their letters."""
    title = metric_short(name)
    return title if any(letter.isupper() for letter in title[1:].partition(" ")[0]) else title[0].lower() + title[1:]


def topic(slug: str) -> str:
    return TOPIC_BY_SLUG[slug].name if slug in TOPIC_BY_SLUG else slug


def cycle(number: int) -> str:
    return f"Cycle {number}" if number else "Run (before the first cycle)"


def signed(sentence: str) -> str:
    """A recorded sentence with the minus that every other number here has."""
    return re.sub(r"(?<!\w)-(?=\d)", "−", sentence)


def heading(name: str) -> str:
    """A column's name as its heading: with a capital letter, but for what is written small wherever it stands."""
    return name if name.startswith("chrF") else name[:1].upper() + name[1:]


def share_interval(low: float | None, high: float | None) -> str:
    """The ends of an interval of a share; shares carry no sign."""
    return "no interval" if low is None or high is None else f"{low:.2f} to {high:.2f}"


def wins(row: ChangeRow) -> str:
    return f"{row.wins} better, {row.losses} worse, {row.ties} the same"


def ago(at: datetime | None, now: datetime | None = None) -> str:
    if at is None:
        return "never"
    seconds = max(0.0, ((now or datetime.now(UTC)) - at).total_seconds())
    return "just now" if seconds < 2 else f"{duration(seconds)} ago"


def when(at: datetime | None, zone: tzinfo = UTC) -> str:
    """A moment in the viewer's time zone, with the zone's name."""
    return DASH if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def run_seconds(run: Run, now: datetime | None = None) -> float | None:
    """From the first start to the end, or until now; of a lost run, until it was last heard of."""
    if run.started_at is None:
        return None
    heard = run.last_event_at if run.work == "lost" else None
    return ((run.ended_at or heard or now or datetime.now(UTC)) - run.started_at).total_seconds()


def run_label(run: Run, zone: tzinfo = UTC) -> str:
    """A run in a list of choices: name, state and when; plain text."""
    state = verdict(run.verdict).word if run.verdict else work(run.work).word
    return " · ".join(part for part in (run.name, state, when(run.requested_at, zone), run.id[-4:]) if part)


def asked_label(asked: PlaygroundQuestion, run: str | None, zone: tzinfo = UTC) -> str:
    """A question of the playground in a list of choices; plain text."""
    words = asked.question if len(asked.question) <= 80 else f"{asked.question[:80]}…"
    whose = cycle(asked.cycle) if asked.cycle else "untrained only"
    return " · ".join((words, run or f"{asked.run} (deleted)", whose, when(asked.asked_at, zone)))


def teacher(name: str) -> str:
    return "the knowledge base itself (offline)" if name == OFFLINE_TEACHER else name


def student(name: str) -> str:
    return "SmolLM2-135M (embedded)" if name == EMBEDDED_STUDENT else name


def knowledge(config: RunConfig) -> str:
    """What a run teaches, in a word or two: plain text."""
    if config.knowledge == BUILT_IN:
        return "Kubernetes v1.28"
    return config.knowledge_name or PurePath(config.knowledge).name or config.knowledge


def topics_trained(config: RunConfig) -> str:
    """How many topics; a folder without a choice is taught as a whole."""
    return str(len(config.topics)) if config.topics else "all"


def usage_sentence(used: TeacherUsage, most_usd: float | None = None) -> str:
    """What the teacher used, in one line."""
    limit = f", of at most {money(most_usd)}" if most_usd is not None else ""
    return f"{count(used.calls, 'call')}, {used.tokens:,} tokens; cost: {money(used.cost_usd)}{limit}"
