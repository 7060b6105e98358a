"""Where a chat teacher is put together: key, endpoint, patience, receipts."""

from __future__ import annotations

from collections.abc import Callable

from runner.teacher.chat_teacher import ChatTeacher
from runner.teacher.credentials import OPENAI_ADDRESS, key_for, shown
from runner.teacher.errors import UnknownPrice
from runner.teacher.openai_chat import REPLY_SECONDS, OpenAIChat
from runner.teacher.pace import Pace
from runner.teacher.patient_chat import Patience, PatientChat, Time
from runner.teacher.recorded_chat import RecordedChat
from store.config import RunConfig
from store.database import Store
from store.prices import cost_usd


def open_chat_teacher(config: RunConfig, run: str, store: Store | None,
                      on_wait: Callable[[float, Exception], None] | None,
                      patience: Patience | None = None, time: Time | None = None,
                      reply_seconds: float = REPLY_SECONDS, asked: int | None = None) -> ChatTeacher:
    """A chat teacher for `config.teacher` at `config.teacher_base_url`.

    The address is always said: the library's own `OPENAI_BASE_URL` would let a run go elsewhere than it says.

    Raises:
        MissingKey: the OpenAI API, and no key.
        WrongKey: a key that cannot be one.
        UnknownPrice: a budget for a model whose price is not known.
    """
    address = config.teacher_base_url or OPENAI_ADDRESS
    if config.max_cost_usd is not None and cost_usd(config.teacher, 0, 0) is None:
        raise UnknownPrice(f"no price is known for {config.teacher!r}, so a budget of {config.max_cost_usd:g} USD "
                           "cannot be kept: add the model to store/prices.py, or leave --max-cost-usd out")
    patience, time = patience or Patience(), time or Time()
    pace = Pace(time.clock)
    chat = OpenAIChat(config.teacher, address, key_for(address), reply_seconds, on_limit_spent=pace.hold)
    patient = PatientChat(chat, patience, pace, time, on_wait or (lambda seconds, error: None))
    recorded = RecordedChat(patient, config.teacher, shown(address), run, store, config.max_cost_usd, asked=asked)
    name = config.teacher if config.teacher_base_url is None else f"{config.teacher} at {shown(address)}"
    return ChatTeacher(recorded, name, patience.concurrency)
