"""Real chat teachers that talk to the fake endpoint and do not wait long; and a request to put to an endpoint."""

from __future__ import annotations

import dataclasses
import random

from runner.llm.chat import ChatRequest
from runner.llm.retry import Clock, RetryPolicy
from runner.teacher.factory import open_llm_teacher
from runner.teacher.llm_teacher import LLMTeacher
from store.database import Store
from store.run_config import RunConfig
from tests.runner.fake_openai import FakeOpenAI

KEY = "sk-test-1234567890"
REQUEST = ChatRequest("s", "u", "questions", {"type": "object"}, 0.7, 100, 5, "questions", "i")
IMPATIENT = RetryPolicy(total_seconds=60.0, first_seconds=0.01, max_seconds=0.02)


def teacher_at(fake: FakeOpenAI, store: Store | None = None, model: str = "gpt-4o-mini") -> LLMTeacher:
    config = dataclasses.replace(RunConfig(), teacher=model, teacher_base_url=fake.url)
    return open_llm_teacher(config, "r1", store, None, IMPATIENT, Clock(rng=random.Random(1)))
