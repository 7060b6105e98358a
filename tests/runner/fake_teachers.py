"""Real chat teachers that talk to the fake endpoint and do not wait long; and a request to put to an endpoint."""

from __future__ import annotations

import dataclasses
import random

from runner.teacher.chat import ChatRequest
from runner.teacher.chat_teacher import ChatTeacher
from runner.teacher.opening import open_chat_teacher
from runner.teacher.patient_chat import Patience, Time
from store.config import RunConfig
from store.database import Store
from tests.runner.fake_openai import FakeOpenAI

KEY = "sk-test-1234567890"
REQUEST = ChatRequest("s", "u", "questions", {"type": "object"}, 0.7, 100, 5, "questions", "i")
IMPATIENT = Patience(total_seconds=0.2, first_seconds=0.01, most_seconds=0.02)


def teacher_at(fake: FakeOpenAI, store: Store | None = None, model: str = "gpt-4o-mini") -> ChatTeacher:
    config = dataclasses.replace(RunConfig(), teacher=model, teacher_base_url=fake.url)
    return open_chat_teacher(config, "r1", store, None, IMPATIENT, Time(chance=random.Random(1)))
