"""The launch form in the sidebar. One click is one run; every fault is shown at once."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import streamlit as st

from dashboard.access import cached_queries, store_access, store_commands
from dashboard.panels import knowledge_fields
from dashboard.panels.control_arm_fields import control_arm_fields
from dashboard.panels.knowledge_fields import KnowledgeChoice
from dashboard.session import page_rerun
from dashboard.view_models import launch_request
from dashboard.view_models.launch_forecast import forecast, forecast_sentence
from dashboard.widgets import elements
from store import queries
from store.config import ADAPTERS, OFFLINE_TEACHER, PRECISIONS, PRESETS, RANGES, InvalidConfig, RunConfig
from store.database import StoreError
from store.statistics import PastVariance

_PRESET_HELP = ("embedded: everything offline on the CPU, in minutes. phi-2: GPT-4o-mini teaches Phi-2 with 4-bit "
                "QLoRA; needs a key, and a GPU to be quick.")
_PRESETS = {"embedded": "embedded (offline, CPU)", "phi-2": "phi-2 (GPT-4o-mini, GPU)"}
_TICKET = "launch ticket"


@st.fragment
def launch_form() -> None:
    """The form; a fragment, so that filling it in does not draw the page beside it again."""
    st.subheader("Launch a run")
    preset = st.selectbox("Preset", list(PRESETS), key="launch preset", help=_PRESET_HELP,
                          format_func=lambda name: _PRESETS.get(name, name))
    start = PRESETS.get(str(preset), RunConfig())
    about = knowledge_fields.taught()
    knowledge_fields.show_errors(about)
    values = _size(start, about)
    values |= _advanced(start, about, values)
    if st.button("Launch run", type="primary", icon=":material/rocket_launch:", width="stretch", key="launch"):
        _launch(str(preset), values, [about.fault] if about.fault else [])
    st.caption(_forecast(str(preset), values))
    power, reckoned_from = launch_request.detectable_change_note({"headline": start.headline, **values},
                                                                 _past_spreads(start, values))
    st.caption(power, help=reckoned_from)
    if estimated := launch_request.judging_note(str(preset), values):
        elements.plain_text(estimated)  # it names the judge, which somebody typed
    page_rerun.redraw_if_stale()


def _past_spreads(start: RunConfig, values: dict[str, Any]) -> list[PastVariance]:
    """Of past runs like the one that the form describes; none where there is no store, or none that can be read."""
    like = dataclasses.replace(start, **{field: values[field] or getattr(start, field)
                                         for field in ("knowledge", "student", "teacher") if field in values})
    try:
        store = store_access.read_store()
    except StoreError:
        return []
    return queries.past_variances(store, like) if store else []


def _forecast(preset: str, values: dict[str, Any]) -> str:
    """Time and cost by past runs; nothing is reckoned for what cannot be launched."""
    try:
        config = launch_request.config_from(preset, values)
        store = store_access.read_store()
    except (InvalidConfig, StoreError):
        return ""
    past = cached_queries.past_stage_durations(store) if store else []
    costs = cached_queries.costs(store, sorted({row.run for row in past})) if store else {}
    return forecast_sentence(forecast(config, past, costs), config.teacher == OFFLINE_TEACHER)


def _size(start: RunConfig, about: KnowledgeChoice) -> dict[str, Any]:
    """What everybody decides: how much, about what, and whether to train."""
    def key(field: str) -> str:
        return f"launch {start.preset} {field}"
    return {
        "questions": st.slider("Practice questions per cycle", *_limits("questions"), start.questions,
                               key=key("questions"), help="The teacher asks and answers these; the student trains on "
                               "them. More questions teach more and take longer."),
        "cycles": st.slider("Cycles", *_limits("cycles"), start.cycles, key=key("cycles"),
                            help="Each cycle asks new practice questions and trains once more; the held-out test stays "
                            "the same, so the cycles can be compared."),
        "held_out": st.slider("Held-out questions", *_limits("held_out"), start.held_out, key=key("held_out"),
                              help="The locked test of the whole run, from passages that are never trained on. They "
                              "decide the verdict."),
        "topics": knowledge_fields.topics(about, start),
        "fine_tune": st.toggle("Fine-tuning", start.fine_tune, key=key("fine_tune"),
                               help="Off: questions, answers and scores only; no adapter is trained."),
    }


def _advanced(start: RunConfig, about: KnowledgeChoice, size: dict[str, Any]) -> dict[str, Any]:
    """What most people leave as it is."""
    with st.expander("Advanced", icon=":material/tune:"):
        name = st.text_input("Name", start.name, max_chars=80, key=f"launch {start.preset} name",
                             help="What you call this run; may stay empty.")
        st.markdown("**Knowledge and test**")
        values = {"name": name, **knowledge_fields.fields(about, size["topics"], start)}
        st.markdown("**Teacher and student**")
        values |= _model_fields(start)
        values["max_cost_usd"] = knowledge_fields.most_cost(values["teacher"], start)
        st.markdown("**Training and answers**")
        values |= _training_fields(start)
        st.markdown("**Control arms**")
        return values | control_arm_fields(start, size["fine_tune"])


def _model_fields(start: RunConfig) -> dict[str, Any]:
    def key(field: str) -> str:
        return f"launch {start.preset} {field}"
    return {
        "student": st.text_input("Student", start.student, key=key("student"), help="`embedded`, a Hugging Face id "
                                 "or a local model folder."),
        "precision": st.selectbox("Precision", PRECISIONS, PRECISIONS.index(start.precision),
                                  key=key("precision"), help="auto measures, and chooses."),
        "teacher": st.text_input("Teacher", start.teacher, key=key("teacher"), help="`knowledge-base` (offline) or "
                                 "a model's name at an OpenAI-compatible address."),
        "teacher_base_url": st.text_input("Teacher address", start.teacher_base_url or "",
                                          key=key("teacher_base_url"), placeholder="the OpenAI API",
                                          help="Base URL of an endpoint: vLLM, Ollama, a gateway."),
        "judge": st.text_input("Judge model", start.judge, key=key("judge"), placeholder="none", help="A model's name: "
                               "it adds factual correctness, faithfulness and RAGAS's answer relevancy. Every call "
                               "costs."),
        "judge_base_url": st.text_input("Judge address", start.judge_base_url or "", key=key("judge_base_url"),
                                        placeholder="the OpenAI API", help="Base URL of the judge's endpoint; may be "
                                        "another than the teacher's."),
    }


def _training_fields(start: RunConfig) -> dict[str, Any]:
    def key(field: str) -> str:
        return f"launch {start.preset} {field}"
    return {
        "steps": st.number_input("Training steps per cycle", *_limits("steps"), start.steps, key=key("steps"),
                                 help="Optimizer steps. The loss on the page Live shows whether fewer would do."),
        "learning_rate": st.number_input("Learning rate", *RANGES["learning_rate"], start.learning_rate, step=5e-5,
                                         format="%.2e", key=key("learning_rate"),
                                         help="Of AdamW. Too high, and the student forgets what it knew."),
        "adapter": st.selectbox("Adapter", ADAPTERS, ADAPTERS.index(start.adapter), key=key("adapter"),
                                help="continue: each cycle trains on from the one before. fresh: all start anew."),
        "max_new_tokens": st.number_input("Longest answer, tokens", *_limits("max_new_tokens"),
                                          start.max_new_tokens, key=key("max_new_tokens"),
                                          help="The same limit for the untrained and the tuned student."),
        "temperature": st.slider("Temperature", 0.0, float(RANGES["temperature"][1]), start.temperature, 0.05,
                                 key=key("temperature"), help="0 is greedy: the same answer every time."),
        "seed": st.number_input("Seed", *_limits("seed"), start.seed, key=key("seed"),
                                help="The same configuration and seed ask the same questions again."),
    }


def _limits(field: str) -> tuple[int, int]:
    low, high = RANGES[field]
    return int(low), int(high)


def _launch(preset: str, values: dict[str, Any], faults: list[str]) -> None:
    """Queue the run and show it; or say everything that is wrong, and queue nothing."""
    ticket = launch_request.next_token(st.session_state.get(_TICKET), time.time())
    st.session_state[_TICKET] = ticket
    try:
        config = launch_request.config_from(preset, values, faults)
    except InvalidConfig as error:
        st.error("This run cannot be launched:", icon=":material/error:")
        st.text("\n".join(f"• {fault}" for fault in error.errors))
        return
    if run := store_commands.launch(config, ticket.token):
        st.session_state[_TICKET] = dataclasses.replace(ticket, used_at=time.time())
        st.switch_page("app_pages/live.py", query_params={"run": run})
