"""`doctor --teacher`: say in words what works at an endpoint, what it costs, and when the model is shut down."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime

from runner.errors import UserError
from runner.llm.capabilities import LARGEST_LIMIT, SIMPLE_OPTIONS, SYSTEM_ROLE
from runner.llm.errors import InvalidKey, InvalidProxy, MissingKey
from runner.teacher.endpoint_check import EndpointCheck, check_endpoint
from runner.teacher.question_forms import FORMS
from store.costs.endpoint_options import forget_refused_options, record_refused_option
from store.costs.model_shutdowns import is_makers_own
from store.costs.prices import price_of
from store.database import StoreError, StoreNotFound, open_existing_store
from store.formatting import money
from store.paths import Paths
from store.run_config import OFFLINE_TEACHER
from store.presets import preset

_FORMATS = {"json_schema": "a JSON schema is accepted, and replies are JSON",
            "json_object": "a JSON object is asked for, no schema",
            "text": "none; JSON is asked for in words"}
_NAMES_SHOWN = 8


def try_teacher(model: str, base_url: str | None, effort: str, json_output: bool, paths: Paths) -> int:
    """Try an endpoint and print the findings; exit code 1 if it cannot be a teacher.

    Args:
        model: name of the model; empty is refused.
        base_url: None is the OpenAI API.
        effort: the setting of the reasoning effort.
        json_output: print one JSON object instead of lines.
        paths: where the store is; what is kept of the endpoint is replaced by what was found.

    Raises:
        UserError, InvalidConfig: bad input; no call was made.
    """
    if not model.strip():
        raise UserError("--teacher-base-url without a model: name it with --teacher")
    if model == OFFLINE_TEACHER:
        raise UserError(f"--teacher {model}: the offline teacher makes no call, so there is no endpoint to try")
    config = preset("embedded", teacher=model, teacher_base_url=base_url or None, teacher_effort=effort)
    try:
        check = check_endpoint(config)
    except (MissingKey, InvalidKey, InvalidProxy) as error:
        raise UserError(str(error)) from error
    shutdown = _shutdown(check, base_url)
    wrong = _problems(check, shutdown)
    lines = {**_call_lines(check), **_option_lines(check), **_cost_lines(check, shutdown),
             "kept for later runs": _keep_refusals(check, paths)}
    if json_output:
        print(json.dumps({"teacher": lines, "calls": [dataclasses.asdict(call) for call in check.calls],
                          "refused": [dataclasses.asdict(one) for one in check.refused], "problems": wrong}))
    else:
        print(f"teacher {check.model} at {check.address}")
        for name, text in lines.items():
            print(f"  {name:23} {text}")
        print(f"problems: {'; '.join(wrong)}" if wrong else "OK: this model can be asked as a teacher")
    return 1 if wrong else 0


def _problems(check: EndpointCheck, shutdown: date | None) -> list[str]:
    wrong = [f"{call.task}: {call.says}" for call in check.calls if not call.works]
    if shutdown and shutdown <= datetime.now(UTC).date():
        wrong.append(f"{check.model} was shut down on {shutdown}")
    names = check.served.names
    if wrong and names and check.model not in names:
        shown = ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")
        wrong.append(f"the endpoint's list of models does not have {check.model}: {shown}")
    return wrong


def _call_lines(check: EndpointCheck) -> dict[str, str]:
    """What each task brought; where a simpler form than the first was needed, its name, as --question-form has it."""
    lines = {}
    for call in check.calls:
        form = f" (form {call.form})" if call.form not in ("", FORMS[0].name) else ""
        lines[call.task] = f"{'yes' if call.works else 'no'}{form}, {call.seconds:.1f} s: {call.says}"
    return lines


def _option_lines(check: EndpointCheck) -> dict[str, str]:
    """What is sent, option by option, each with the endpoint's words where it refused."""
    if not any(call.works for call in check.calls):
        return {}
    said = {one.option: f' ("{one.message}")' if one.message else "" for one in check.refused}
    found = check.capabilities
    ignored = found.response_format != "text" and any(call.is_json is False for call in check.calls if call.works)
    form = "the option is accepted and ignored: replies are not JSON" if ignored else _FORMATS[found.response_format]
    lines = {"structured output": form + said.get("response_format", ""),
             "system text": "accepted" if found.system_role else
             f"refused{said.get(SYSTEM_ROLE, '')}: it goes before the user's text"}
    for option in SIMPLE_OPTIONS:
        if option in said:
            lines[option.replace("_", " ")] = f"refused{said[option]}: not sent"
        elif option in ("seed", "temperature") or (option == "reasoning_effort" and check.effort):
            lines[option.replace("_", " ")] = f"accepted ({check.effort})" if option == "reasoning_effort" \
                else "accepted"
    cap = f", at most {found.limit_cap}{said.get(LARGEST_LIMIT, '')}" if found.limit_cap else ""
    lines["token limit"] = (f"as {found.limit_name}" if found.limit_name else "none is accepted") \
        + said.get("limit", "") + cap
    return lines | {"streaming": "not needed"}


def _cost_lines(check: EndpointCheck, shutdown: date | None) -> dict[str, str]:
    price, used = price_of(check.model), check.usage
    known = (f"{price.prompt_usd:g} USD for a million tokens in, {price.completion_usd:g} out ({price.source}, looked "
             f"up {price.looked_up})" if price else "unknown, so that no budget can be kept: run --prices FILE adds it")
    reasoning = f", {used.reasoning_tokens:,} of them reasoning" if used.reasoning_tokens else ""
    tokens = f"{used.prompt_tokens:,} tokens in, {used.completion_tokens:,} out{reasoning}"
    listed = f"on {shutdown}" if shutdown else "no date is known"
    successor = f"; its maker recommends {price.successor}" if shutdown and price and price.successor else ""
    return {"price": known, "shutdown": listed + successor,
            "this check": f"{used.calls} calls, {tokens}; cost: {money(used.cost_usd)}"}


def _shutdown(check: EndpointCheck, base_url: str | None) -> date | None:
    """The date that the endpoint's list states, else the price file's, which holds for the maker's own API."""
    price = price_of(check.model) if is_makers_own(base_url) else None
    return check.served.shutdown or (price.shutdown if price else None)


def _keep_refusals(check: EndpointCheck, paths: Paths) -> str:
    """Replace what is kept of this endpoint; an endpoint that gave no reply changes nothing."""
    if not any(call.works for call in check.calls):
        return "nothing, because no call succeeded"
    try:
        store = open_existing_store(paths.store_url)
    except StoreNotFound:
        return "nothing, because there is no store yet; a run tries all options itself"
    except StoreError as error:
        return f"nothing, because the store cannot be used: {error}"
    forgotten = forget_refused_options(store, check.address, check.model)
    for one in check.refused:
        record_refused_option(store, check.address, check.model, check.effort, one.option, one.sent_instead,
                              one.message)
    store.close()
    return f"{len(check.refused)} refused options, in place of {forgotten}"
