"""The launch form: a field for each setting that the configuration places in the form.

The sidebar has it whole, with most fields under Advanced; on the page New run these stand over the full width, in four
groups, and the sidebar keeps the others with the button. One click launches one run, or a group of runs with several
seeds or settings; all errors are shown at once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.access import cached_queries, store_access, store_commands, student_folder
from dashboard.access.knowledge_loader import KnowledgeError
from dashboard.access.endpoint_check import endpoint_faults
from dashboard.panels import control_arm_fields, knowledge_fields, own_questions
from dashboard.panels.forecast_form import forecast_form
from dashboard.panels.knowledge_fields import FormContext, KnowledgeChoice
from dashboard.panels.setting_field import setting_field
from dashboard.panels.settings_text import settings_text
from dashboard.panels.sweep_fields import sweep_fields
from dashboard.session import form_draft, stale_page
from dashboard.view_models import launch_request
from dashboard.view_models.sweep_request import SweepChoice, plan_from
from dashboard.widgets import elements
from knowledge.kubernetes.topics import BUILT_IN
from knowledge.sources import short_name
from store import queries
from store.analysis.documents_notes import facts_notes, language_note, nothing_to_ask
from store.analysis.launch_forecast import forecast_of_runs, forecast_sentence
from store.analysis.training_note import training_note
from store.config_metadata import Setting, by_group, fields_affecting, settings_of
from store.database import StoreError
from store.run_config import OFFLINE_TEACHER, InvalidConfig, RunConfig
from store.presets import PRESETS
from store.statistics import PastVariance

_TOKEN = "launch token"
ADVANCED = "launch-advanced"
_WAS_OPEN = "advanced was open"
"""Session key of the folded part in the sidebar, with whether it is open."""
_SEVERAL = "Several seeds and settings"
_SPECIAL_FIELDS: dict[str, Callable[[Setting, FormContext], Any]] = {
    "max_cost_usd": knowledge_fields.max_cost_field,
    "knowledge": knowledge_fields.knowledge_field,
    "knowledge_name": knowledge_fields.knowledge_name_field,
    "topics": knowledge_fields.topics_field,
    "new_topics": knowledge_fields.new_topics_field,
    "new_topic_questions": knowledge_fields.new_topic_questions_field,
    "arms": control_arm_fields.arms_field,
    "learning_curve": control_arm_fields.learning_curve_field,
}
"""Fields that depend on other fields; every other setting has the widget that fits its kind."""
_WHOLE_WIDTH = ("arms", "learning_curve")
"""Fields of boxes to check, whose labels are too long for a column."""


@st.fragment
def launch_form() -> None:
    """Draw the form; a fragment, so that filling it in does not redraw the page next to it."""
    _form({})
    stale_page.redraw_if_stale()


def full_width_form() -> None:
    """Draw most fields of the form on the page, in four groups, and the others with the button in the sidebar.

    No fragment: fields of the page depend on those of the sidebar, and the button on both.
    """
    groups = {}
    for name in (*launch_request.FORM_GROUPS, _SEVERAL):
        st.subheader(name)
        groups[name] = st.container()
    with st.sidebar:
        _form(groups)


def _form(groups: Mapping[str, DeltaGenerator]) -> None:
    """Draw the form.

    Args:
        groups: the containers of the page, by group; empty where all fields are in the sidebar.
    """
    form_draft.restore()
    st.subheader("Launch a run")
    if not groups:
        st.page_link("app_pages/new_run.py", label="All settings", icon=":material/tune:")
    preset = _preset()
    start = PRESETS.get(preset, RunConfig())
    about = knowledge_fields.selected_knowledge()
    with st.container():  # always there, so that nothing below moves, or folds, when a folder is entered
        knowledge_fields.show_errors(about)
        own_questions.note()
    settings = launch_request.form_settings(type(start))
    values: dict[str, Any] = {}
    _draw([setting for setting in settings if setting.form == "main"], start, about, values)
    button, notes = st.container(key="launch-bar"), st.container()
    # Folded, its sixty fields are not sent: a new browser would draw them before the page.
    if st.session_state.get(_WAS_OPEN):
        st.session_state.setdefault(ADVANCED, True)  # Streamlit forgets it where a script switches the page
    advanced = None if groups else st.expander("Advanced", icon=":material/tune:", key=ADVANCED, on_change="rerun")
    drawn = advanced is None or bool(advanced.open)
    if advanced is not None:
        st.session_state[_WAS_OPEN] = drawn
    with advanced or contextlib.nullcontext():
        _advanced(settings, start, about, values, groups, drawn)
        with groups.get(_SEVERAL, contextlib.nullcontext()):
            choice = sweep_fields(titled=not groups, drawn=drawn)
    own, own_faults = own_questions.settings(about.source, int(values.get("cycles") or 1))
    values |= own
    # The page has the button again below its fields: in a narrow window the sidebar is folded.
    places = {"launch": button, **({"launch-below": groups[_SEVERAL]} if groups else {})}
    for key, place in places.items():
        with place:
            if st.button("Launch runs" if choice.several else "Launch run", type="primary", key=key,
                         icon=":material/rocket_launch:", width="stretch"):
                _launch(preset, values, [*_faults(about, values), *own_faults], choice)
    with notes:
        _notes(preset, start, values, choice)
        if not own:
            _documents_notes(preset, start, values, about)
        forecast_form(preset, values, choice.several)
    settings_text(preset, values)
    form_draft.keep()


def _notes(preset: str, start: RunConfig, values: dict[str, Any], choice: SweepChoice) -> None:
    """Draw what is known before a launch: what was changed, time and cost, what the test can detect."""
    if changed := launch_request.differences_note(preset, values):
        elements.note(changed)
    _plan_notes(preset, values, choice)
    st.caption(_forecast(preset, values, choice))
    power, estimated_from = launch_request.detectable_change_note({"headline": start.headline, **values},
                                                                  _past_variances(start, values))
    st.caption(power, help=estimated_from)
    if trained := _training_note(preset, values):
        st.caption(trained)
    if note := launch_request.shutdown_note(preset, values):
        st.warning(note, icon=":material/event_busy:")
    for estimated in (launch_request.facts_note(preset, values), launch_request.judging_note(preset, values)):
        if estimated:
            elements.plain_text(estimated)  # it contains a model's name, which a user typed


def _documents_notes(preset: str, start: RunConfig, values: dict[str, Any], about: KnowledgeChoice) -> None:
    """Say where the documents hold fewer facts than are asked for, and in which language they are."""
    try:
        config = launch_request.config_from(preset, values)
        if about.source == BUILT_IN and not launch_request.asks_for_more(config, start):
            return  # the built-in domain has enough for what the preset asks, and is not read for that
        counts = cached_queries.compared_documents(store_access.read_store(), about.source).counts
    except (InvalidConfig, StoreError, KnowledgeError):
        return
    for note in (language_note(config.teacher, counts), *facts_notes(config, counts)):
        if note:
            st.warning(note, icon=":material/library_books:")


def _nothing_to_ask(about: KnowledgeChoice, values: dict[str, Any]) -> str:
    """Why the offline teacher cannot ask about a folder; empty where it can, and for every other teacher."""
    if about.fault or about.source == BUILT_IN or str(values.get("teacher", "")).strip() != OFFLINE_TEACHER:
        return ""
    domain = cached_queries.knowledge(about.source).domain
    return nothing_to_ask(OFFLINE_TEACHER, len(domain.passages), sum(bool(one.wordings) for one in domain.passages),
                          short_name(about.source))


def _faults(about: KnowledgeChoice, values: dict[str, Any]) -> list[str]:
    """What the form finds itself: a folder of documents or a student that cannot be used."""
    found = (about.fault, _nothing_to_ask(about, values), student_folder.fault_of(str(values.get("student", ""))))
    return [fault for fault in found if fault]


def _preset() -> str:
    setting = next(setting for setting in settings_of(RunConfig) if setting.name == "preset")
    return str(st.selectbox(setting.label, list(PRESETS), key="launch preset", help=setting.help,
                            format_func=lambda name: setting.choices.get(name, name)))


def _advanced(settings: Sequence[Setting], start: RunConfig, about: KnowledgeChoice, values: dict[str, Any],
              groups: Mapping[str, DeltaGenerator], drawn: bool) -> None:
    """Draw the fields that are not always shown, by group; those that few runs change are folded within their group.

    Args:
        settings: all fields of the form.
        start: has the initial values.
        about: the chosen documents.
        values: the values of the fields above; those drawn are added.
        groups: as in `_form`.
        drawn: whether the fields are drawn; else their values are added as the form has them.
    """
    expert = by_group([setting for setting in settings if setting.form == "expert"])
    for group, members in by_group([setting for setting in settings if setting.form in ("advanced", "expert")]).items():
        shown = [setting for setting in members if setting.form == "advanced"]
        if not drawn:
            _draw([*shown, *expert.get(group, ())], start, about, values, drawn=False)
            continue
        with groups.get(launch_request.form_group(group), contextlib.nullcontext()):
            if not groups:
                st.markdown(f"**{group}**")
            _draw(shown, start, about, values, bool(groups))
            if group in expert:
                with st.expander(f"More: {group.lower()}", type="compact", key=f"launch-more {group}"):
                    _draw(expert[group], start, about, values, bool(groups))


def _draw(settings: Sequence[Setting], start: RunConfig, about: KnowledgeChoice, values: dict[str, Any],
          wide: bool = False, drawn: bool = True) -> None:
    """Draw fields in order and add their values; a field may depend on the values above it.

    Args:
        settings: the fields.
        start: has the initial values.
        about: the chosen documents.
        values: the values of the fields above; those drawn are added.
        wide: whether the fields stand beside each other.
        drawn: as in `_advanced`.
    """
    in_columns = [setting.name for setting in settings if setting.name not in _WHOLE_WIDTH]
    grid = st.grid(4, min_column_width=210, vertical_alignment="bottom") if wide and in_columns else None
    for setting in settings:
        special, context = _SPECIAL_FIELDS.get(setting.name), FormContext(start, about, values, drawn)
        in_cell = setting.name in in_columns and knowledge_fields.is_drawn(setting, context)
        with grid.cell() if grid and in_cell else contextlib.nullcontext():
            values[setting.name] = (special(setting, context) if special else
                                    setting_field(setting, start, recipe=launch_request.recipe_values(start, values),
                                                  drawn=drawn))


def _past_variances(start: RunConfig, values: dict[str, Any]) -> list[PastVariance]:
    """Variances of past runs that are comparable with the form's run; empty without a readable store."""
    described = dataclasses.replace(start, **{field: values[field] or getattr(start, field)
                                              for field in fields_affecting("variance", RunConfig) if field in values})
    try:
        store = store_access.read_store()
    except StoreError:
        return []
    return queries.past_variances(store, described) if store else []


def _training_note(preset: str, values: dict[str, Any]) -> str:
    """Say how often each fact is presented, by the speed of the last training; empty while the form is invalid."""
    try:
        config = launch_request.config_from(preset, values)
        store = store_access.read_store()
        speed = cached_queries.training_speed(store, config.student, config.precision) if store else None
        return training_note(config, speed)
    except (InvalidConfig, StoreError):
        return ""


def _plan_notes(preset: str, values: dict[str, Any], choice: SweepChoice) -> None:
    """Draw what a group of runs would be; nothing for a single run, or while the form is invalid."""
    if not choice.several:
        return
    try:
        plan = plan_from(launch_request.config_from(preset, values), choice)
    except InvalidConfig:
        return
    elements.plain_text("\n".join(plan.sentences()))


def _forecast(preset: str, values: dict[str, Any], choice: SweepChoice) -> str:
    """Forecast time and cost from past runs, of all runs of a group; empty while the form is invalid."""
    try:
        config = launch_request.config_from(preset, values)
        configs = plan_from(config, choice).configs if choice.several else [config]
        store = store_access.read_store()
    except (InvalidConfig, StoreError):
        return ""
    past = cached_queries.past_stage_durations(store) if store else []
    costs = cached_queries.costs(store, sorted({row.run for row in past})) if store else {}
    return forecast_sentence(forecast_of_runs(configs, past, costs), config.teacher == OFFLINE_TEACHER)


def _launch(preset: str, values: dict[str, Any], faults: list[str], choice: SweepChoice) -> None:
    """Queue the run, or the runs of a group, and open its page; or show every error and queue nothing."""
    token = launch_request.next_token(st.session_state.get(_TOKEN), time.time())
    st.session_state[_TOKEN] = token
    try:
        config = launch_request.config_from(preset, values, faults)
        plan = plan_from(config, choice) if choice.several else None
    except InvalidConfig as error:
        _refused(error.errors)
        return
    if unusable := endpoint_faults(config):
        _refused(unusable)
        return
    run = store_commands.launch_group(plan) if plan else store_commands.launch(config, token.token)
    if run:
        st.session_state[_TOKEN] = dataclasses.replace(token, used_at=time.time())
        form_draft.keep()
        st.switch_page("app_pages/live.py", query_params={"run": run})


def _refused(faults: Sequence[str]) -> None:
    st.error("This run cannot be launched:", icon=":material/error:")
    elements.plain_text("\n".join(f"• {fault}" for fault in faults))
