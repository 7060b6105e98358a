"""Labels, sentences and number formats shared by all pages: states, verdicts, tiers, empty states.

Imports neither Streamlit nor the database. A missing value is shown as a dash, never as zero.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from knowledge.kubernetes.topics import BUILT_IN, TOPIC_BY_SLUG
from knowledge.sources import short_name
from store import formatting, metrics
from store.analysis.export_verdict import DIFFERENT, INCONCLUSIVE, SAME
from store.metrics import METRICS
from store.program_name import NAME, as_called
from store.queries import ChangeRow, PlaygroundQuestion, Run, TeacherUsage
from store.run_config import EMBEDDED_STUDENT, OFFLINE_TEACHER, RunConfig
from store.statistics import title_in_sentence

DASH = formatting.DASH
number, change, interval, effect, coverage = (
    formatting.number, formatting.change, formatting.interval, formatting.effect, formatting.scored_of)
duration, money, metric, clipped = formatting.duration, formatting.money, formatting.metric, formatting.clipped
count, change_interval, whole = formatting.plural, formatting.change_interval, formatting.whole

NO_STORE = f"Nothing has been recorded yet. Launch a run from the sidebar, or with `{NAME} run`."
NO_RUNS: dict[str, str] = {
    "overview": "No run yet. Here stands whether the student learned, by how much and how surely.",
    "live": "No run yet. Here a run is followed while it works, and paused or cancelled.",
    "exports": "No run yet. Here what was exported of a run answers its locked test again.",
    "answers": "No run yet. Here the answers before and after the training stand side by side.",
    "compare": "No run yet. Here cycles of several runs are compared, down to single answers.",
    "history": "No run yet. Here all runs are found again, with their results.",
    "playground": "No run yet. Here both students are asked one question.",
}
"""What a page would show, where nothing has been recorded yet."""
NO_RUNNER = as_called("No runner is connected: start one with `make run` or `python -m runner serve`.")
NO_RUNNER_HINT = "It starts as soon as a runner is connected: see the sidebar."
NO_SCORES = "No cycle of this run has been evaluated yet. The page Live shows its progress."
ENDED_WITHOUT_SCORES = "This run ended before any cycle was evaluated. The page Live shows how far it got."
SEVERAL_CYCLES = ("With several cycles, one may look good by chance: the verdict is that of the last cycle, not of the "
                  "best one.")
NOT_TUNED = ("No fine-tuned answers were scored, so there is nothing to compare. These are the scores of the untrained "
             "student; missing scores are missing, not zero.")
NO_ANSWERS = "This cycle has no questions yet."
ENDED_WITHOUT_ANSWERS = "The run ended before this cycle had questions."

RUN_HELP = "The run to show: name, verdict or state, creation time, and the end of its id."
BASELINES_NOTE = ("Rules that pick among the four texts without knowing the answer, on the headline test. Chance is "
                  "0.25; multiple-choice accuracy shows knowledge as far as it exceeds these.")
PEOPLE_NOTE = ("Kappa: agreement beyond chance, 1 is perfect. Preference: share of questions where the tuned answer is "
               "better minus share on which it is worse; the ratings of some questions correct the metric's verdict on "
               "all (prediction-powered inference), which holds where the rated questions were not picked by topic or "
               "score.")
NO_BINDING = "Binding was not measured in this run: an earlier version made it."
NOT_ON_TIER = "This metric is measured on the headline test only."
METRIC_HELP = "The metric to show. The page Overview ends with the metric definitions."
CYCLE_HELP = "Each cycle trains the student once more. These are the answers after that cycle."

SIMILARITY_NOTE = ("Similarity is not correctness. An answer that states the opposite in the same words scores nearly "
                   "as high as a correct one: read answer similarity together with choice accuracy or fact recall.")
AUDIT_NOTE = ("Before its scores were used, each judge scored planted answers to questions of this run's test. It "
              "passes if every correct answer, full or short, scores above every wrong one by more than the retest "
              "noise, and if verbosity does not raise the score. Mean score by kind of planted answer:")
AUDIT_FAILED = "Its judge failed the audit in this run: it does not tell all wrong answers from right ones."
CUT_OFF_NOTE = ("Answers that reached the token limit, which is the same for both students, are scored as they are; "
                "answers cut off by the time limit or the context length have no score.")
OFFLINE_NOTE = ("This run used the offline teacher: its references are verbatim sentences of the passages, not text "
                "of a large model. It shows that the student learns from its references, not how good a large teacher "
                "is.")
MEMORISATION_NOTE = ("The generalization gap is the gain on training questions minus the gain on test questions. Near "
                     "zero, what was learned generalizes; far above zero, the student memorized the questions.")

DELETION = ("The run disappears from every page, comparison and estimate, with its answers, scores and ratings.\n\n"
            "Kept: its events, which are never deleted (they are the audit log), and its checkpoints and adapters "
            "under `data/runs`. These pages cannot undo it.")

TAUGHT_FACTS_NOTE = ("The test's questions on taught facts, by the cycle that taught them. An open marker: asked "
                     "before they were taught. A line that falls again is forgetting.")
ARMS_NOTE = ("Alternatives to fine-tuning on the same headline test, scored by the same judges after the last cycle. "
             "They were chosen before the run and do not affect its verdict. Verdicts are corrected for the number "
             "of comparisons (Holm); the intervals are not.")
NO_ARMS = ("This run has no control arms: baselines such as retrieval or few-shot prompting, which show whether "
           "fine-tuning was worth it. Select them in the launch form, under Advanced.")
ARMS_TO_COME = "The control arms answer after the last cycle."
GAP_NOTE = ("(fine-tuned − untrained) / (teacher − untrained), with Fieller's interval; only where the teacher is "
            "clearly above the untrained student.")
ALONG_TRAINING_NOTE = ("The headline test, scored by the student's log-likelihoods at intermediate checkpoints. It "
                       "shows whether more steps would still help, or already hurt.")
GROUP_HELP = ("Runs that were launched together with other seeds or settings and share one test. Results are over "
              "questions and seeds.")
REPLACEMENT_NOTE = ("The teacher answered the same test without documents. The margin was named before the run. With "
                    "several students each has a wider interval, so that the chance to certify one by luck stays the "
                    "same.")
MACHINE_PRICE_HELP = ("What the machine that answers in your product costs. A student's 1,000 answers are its "
                      "measured seconds at this price.")
WAYS_NOTE = ("On the questions that decide the verdict. A student's seconds are its share of its batch; an export was "
             "asked one question at a time. The teacher's are those of its calls, several at a time, at its list "
             "price. Break-even: from how many answers on it is cheaper than the teacher, the cost of this run "
             "included. A dash: not measured, or no price.")
EXPORTS_NOTE = ("Each verified export of a run's last cycle, on the questions that decide the verdict. Kept of the "
                "gain: the export's change from the untrained student as a share of the measured student's, with its "
                "95% interval.")
EXPORTS_HELP = ("A merged folder, a GGUF file, a folder of OpenVINO or compressed tensors, or a server answers the "
                "run's locked test again. Its answers stand beside the recorded ones; different is what changes a "
                "metric beyond its margin, likelihoods beyond their tolerance, or how questions are put and answers "
                "end. Another text alone is not.")
ARTEFACT_HELP = (f"A folder or file on the runner's machine, as `{NAME} export` writes it, or the base URL of "
                 "an OpenAI-compatible server that the runner reaches. A server's key is read from the runner's "
                 "environment.")
EXPORT_ENGINE_HELP = ("A merged folder is answered for by transformers, an OpenVINO folder by OpenVINO, one of "
                      "compressed tensors by llm-compressor's environment. Of a GGUF file transformers "
                      "measures what quantization costs, with likelihoods, and llama.cpp its own answers, "
                      "where `make verify-engines` installed it.")
NO_EXPORTS = (f"No export of this run was verified yet. `{NAME} export RUN` writes one; name its folder "
              f"above, or use `{NAME} verify`.")
EXPORT_METRICS_NOTE = ("Over the locked test, paired by question. Recorded and exported answers are scored by the same "
                       "judge now; the interval is that of the mean change.")
SHARES_NOTE = ("Over {facts} of {asked} facts that the last cycle taught and the test asks for. The intervals hold for "
               "all three parts at once. The parts add up to the gain on the training questions. Wrong references can "
               "do harm, so what the placebo lost counts as knowledge.")
_LIKELIHOOD_JUDGE = "the student's own likelihood"
"""The judge recorded with scores that need no judge."""


@dataclass(frozen=True)
class StatusStyle:
    """Style of a state: its label, a sign that is readable without colour, an icon and a badge colour."""

    label: str
    sign: str
    icon: str
    color: str


WORK: dict[str, StatusStyle] = {
    "queued": StatusStyle("Queued", "○", ":material/schedule:", "gray"),
    "running": StatusStyle("Running", "▶", ":material/play_arrow:", "blue"),
    "waiting-for-batch": StatusStyle("Waiting for a batch", "⧗", ":material/hourglass_top:", "blue"),
    "waiting-for-review": StatusStyle("Waiting for a review", "✎", ":material/rate_review:", "orange"),
    "paused": StatusStyle("Paused", "Ⅱ", ":material/pause:", "gray"),
    "finished": StatusStyle("Finished", "✓", ":material/check:", "green"),
    "failed": StatusStyle("Failed", "✗", ":material/error:", "red"),
    "cancelled": StatusStyle("Cancelled", "■", ":material/block:", "gray"),
    "lost": StatusStyle("Interrupted", "?", ":material/link_off:", "orange"),
}
VERDICTS: dict[str, StatusStyle] = {
    "improved": StatusStyle("Improved", "▲", ":material/trending_up:", "green"),
    "worse": StatusStyle("Worse", "▼", ":material/trending_down:", "red"),
    "no relevant change": StatusStyle("No relevant change", "≈", ":material/trending_flat:", "gray"),
    "inconclusive": StatusStyle("Inconclusive", "●", ":material/help:", "gray"),
    "regressed": StatusStyle("Regressed", "▼", ":material/trending_down:", "red"),
    "no evidence": StatusStyle("No evidence of a change", "●", ":material/trending_flat:", "gray"),
    "too few to say": StatusStyle("Too few to say", "…", ":material/help:", "gray"),
    "not measured": StatusStyle("Not measured", "–", ":material/remove:", "gray"),
}
EXPORT_OUTCOMES: dict[str, StatusStyle] = {
    SAME: StatusStyle("Same as measured", "=", ":material/check:", "green"),
    DIFFERENT: StatusStyle("Different", "≠", ":material/error:", "red"),
    INCONCLUSIVE: StatusStyle("Inconclusive", "●", ":material/help:", "gray"),
}
REPLACEMENTS: dict[str, StatusStyle] = {
    "replaces": StatusStyle("Replaces its teacher", "▲", ":material/check:", "green"),
    "falls short": StatusStyle("Falls short", "▼", ":material/trending_down:", "red"),
}
"""What a student against its teacher can be, in addition to the verdicts."""
ANSWERS: dict[str, str] = {
    "improved": "Yes: the student improved", "worse": "No: the student got worse",
    "no relevant change": "No: no relevant change", "inconclusive": "Inconclusive: more questions are needed",
    "regressed": "No: the student got worse", "no evidence": "No evidence of a change",
    "too few to say": "Too few questions to say", "not measured": "Not measured",
}
"""The verdicts as answers to the title of the page Overview."""
TIERS: dict[str, str] = {"dev": "Development questions (a cycle is chosen on them)",
                         "held-out": "Held-out questions (facts never taught)",
                         "practice": "Training questions (trained on)",
                         "paraphrase": "Taught facts (asked in other words)",
                         "new-topic": "Unseen topics (never trained on)",
                         "general": "General questions (forgetting check)"}
RUN_ORDERS: dict[str, str] = {"newest": "Newest first", "oldest": "Oldest first", "longest": "Longest first",
                              "shortest": "Shortest first", "name": "By name", "verdict": "By verdict"}
CYCLE_WORK: dict[str, str] = {"running": "running", "finished": "finished", "not tuned": "fine-tuning was off",
                              "no adapter": "training left no adapter"}


def work(state: str) -> StatusStyle:
    """Style of a run state; an unknown state is shown by its own name."""
    return WORK.get(state, StatusStyle(state, "·", ":material/question_mark:", "gray"))


def verdict(name: str | None) -> StatusStyle:
    """Style of a verdict; None is shown as "No verdict yet"."""
    return VERDICTS.get(name or "", StatusStyle(name or "No verdict yet", "·", ":material/pending:", "gray"))


def export_outcome(name: str) -> StatusStyle:
    """Style of what was found of an export; an unknown outcome is shown by its own name."""
    return EXPORT_OUTCOMES.get(name, StatusStyle(name, "·", ":material/question_mark:", "gray"))


def tier(name: str) -> str:
    return TIERS.get(name, name)


def tier_short(name: str) -> str:
    """A tier's label for tables: without the part in brackets."""
    return tier(name).partition(" (")[0]


def tier_help() -> str:
    """Help text for selecting a tier: one line per tier."""
    return "\n".join(f"- {tier_short(name)}: {text.partition(': ')[2]}" for name, text in metrics.TIERS.items())


def metric_short(name: str) -> str:
    return METRICS[name].title if name in METRICS else metric(name)


def metric_within(name: str) -> str:
    """A metric's title for use inside a sentence: lower case, except for names such as ROUGE-L and chrF."""
    return title_in_sentence(metric_short(name))


def topic(slug: str) -> str:
    return TOPIC_BY_SLUG[slug].name if slug in TOPIC_BY_SLUG else slug


def cycle(number: int) -> str:
    return f"Cycle {number}" if number else "Run (before the first cycle)"


def judge(name: str) -> str:
    """A judge's display name; likelihood scores have none and show "log-likelihood"."""
    return "log-likelihood" if name == _LIKELIHOOD_JUDGE else name


def signed(sentence: str) -> str:
    """A recorded sentence with hyphens before digits replaced by minus signs, as in all other numbers."""
    return re.sub(r"(?<!\w)-(?=\d)", "−", sentence)


def heading(name: str) -> str:
    """A column's heading: its name, capitalized; chrF keeps its lower-case letter."""
    return name if name.startswith("chrF") else name[:1].upper() + name[1:]


def share_interval(low: float | None, high: float | None) -> str:
    """An interval of a proportion, without signs."""
    return "no interval" if low is None or high is None else f"{low:.2f} to {high:.2f}"


def wins(row: ChangeRow) -> str:
    return f"{row.wins} better, {row.losses} worse, {row.ties} the same"


def short_duration(seconds: float) -> str:
    """A duration for a narrow cell: one unit."""
    if seconds < 60:
        return duration(seconds)
    minutes = seconds / 60
    return f"{minutes:.1f} min" if minutes < 10 else f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def answers_link(losses: int) -> str:
    """The label of a link to the answers, worst change first."""
    return "Worst regressions" if losses else "Read the answers"


def ago(at: datetime | None, now: datetime | None = None) -> str:
    if at is None:
        return "never"
    seconds = max(0.0, ((now or datetime.now(UTC)) - at).total_seconds())
    return "just now" if seconds < 2 else f"{duration(seconds)} ago"


def when(at: datetime | None, zone: tzinfo = UTC) -> str:
    """Date and time in the given time zone, with the zone's name."""
    return DASH if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def run_seconds(run: Run, now: datetime | None = None) -> float | None:
    """Seconds from the first start to the end, or until now; for an interrupted run, until its last event."""
    if run.started_at is None:
        return None
    last_seen = run.last_event_at if run.work == "lost" else None
    return ((run.ended_at or last_seen or now or datetime.now(UTC)) - run.started_at).total_seconds()


def run_label(run: Run, zone: tzinfo = UTC) -> str:
    """A run as an option of a list: name, verdict or state, creation time, end of its id; plain text."""
    state = verdict(run.verdict).label if run.verdict else work(run.work).label
    return " · ".join(part for part in (run.name, state, when(run.requested_at, zone), run.id[-4:]) if part)


def tab_title(run: Run, share_done: float) -> str:
    """The browser tab's title of the page Live: how far the run is, or its verdict or end."""
    name = formatting.escape_invisible(run.name or run.id)[:40]
    if run.active:
        state = f"{share_done:.0%}" if run.work == "running" else work(run.work).label
    else:
        style = verdict(run.verdict) if run.verdict else work(run.work)
        state = f"{style.sign} {style.label}"
    return f"{state} · {name} · Live"


def run_link(run: Run) -> str:
    """A run as the label of a link: its name, or its id."""
    return without_markup(formatting.escape_invisible(run.name or run.id)[:60])


def without_markup(text: str) -> str:
    """The text as Markdown that shows it literally, for labels and captions, which Streamlit reads as Markdown."""
    return re.sub(r"([\\`*_\[\]:$<>~#|])", r"\\\1", text)


def asked_label(asked: PlaygroundQuestion, run: str | None, zone: tzinfo = UTC) -> str:
    """A playground question as an option of a list; plain text."""
    text = asked.question if len(asked.question) <= 80 else f"{asked.question[:80]}…"
    checkpoint = cycle(asked.cycle) if asked.cycle else "untrained only"
    return " · ".join((text, run or f"{asked.run} (deleted)", checkpoint, when(asked.asked_at, zone)))


def teacher(name: str) -> str:
    return "the knowledge base itself (offline)" if name == OFFLINE_TEACHER else name


def student(name: str) -> str:
    return "SmolLM2-135M (embedded)" if name == EMBEDDED_STUDENT else name


def knowledge(config: RunConfig) -> str:
    """Short name of the domain that a run distills: plain text."""
    if config.knowledge == BUILT_IN:
        return "Kubernetes v1.28"
    return config.knowledge_name or short_name(config.knowledge)


def training_length(config: RunConfig) -> str:
    """How long a cycle's training lasts, by the setting that decides it."""
    if not config.fine_tune:
        return DASH
    if config.minutes is not None:
        return f"{config.minutes:g} min"
    return f"{config.steps} steps" if config.passes is None else f"each fact {config.passes:g} times"


def topics_trained(config: RunConfig) -> str:
    """Number of trained topics; "all" for a folder without a selection."""
    return str(len(config.topics)) if config.topics else "all"


def batch_cost(at_most_usd: float | None) -> str:
    """The upper bound of a batch's cost as a sentence."""
    return "Its cost is not known." if at_most_usd is None else f"At most {money(at_most_usd)} at batch prices."


def usage_sentence(used: TeacherUsage, most_usd: float | None = None) -> str:
    """Teacher calls, tokens and cost in one line."""
    limit = f", of at most {money(most_usd)}" if most_usd is not None else ""
    parts = [f"{number:,} of them {what}" for number, what in (
        (used.reasoning_tokens, "reasoning"), (used.cached_prompt_tokens, "cached")) if number]
    of_them = f" ({', '.join(parts)})" if parts else ""
    return f"{count(used.calls, 'call')}, {used.tokens:,} tokens{of_them}; cost: {money(used.cost_usd)}{limit}"
