"""Ask the endpoints of a run before its launch whether they are there and take the key; nothing is generated.

Where the runner works on another machine, its own environment counts, and nothing is asked from here.
"""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path

from dotenv import dotenv_values

from dashboard.access.runner_place import has_remote_runner
from store.endpoint_address import address_errors
from store.run_config import OFFLINE_TEACHER, RunConfig

OPENAI_ADDRESS = "https://api.openai.com/v1"
_KEY = "OPENAI_API_KEY"
_SECONDS = 4.0
"""How long an endpoint may take; a slower one is left to the run, which waits for it."""
_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def endpoint_faults(config: RunConfig) -> list[str]:
    """Return one sentence for each endpoint of the run that is not there, and for each key it lacks or refuses."""
    if has_remote_runner():
        return []
    calls = config.teacher != OFFLINE_TEACHER and not config.from_replies
    asked = {config.teacher_base_url or OPENAI_ADDRESS: f"teacher {config.teacher!r}"} if calls else {}
    if config.judge:
        asked.setdefault(config.judge_base_url or OPENAI_ADDRESS, f"judge {config.judge!r}")
    return [fault for address, role in asked.items()
            if not address_errors("address", address) and (fault := _fault(address, role))]


def _fault(address: str, role: str) -> str | None:
    key = (os.environ.get(_KEY) or dotenv_values(Path(".env")).get(_KEY) or "").strip()
    if not key and address == OPENAI_ADDRESS:
        return f"{role} needs a key of the OpenAI API: set {_KEY}, in the environment or in .env, and start again"
    request = urllib.request.Request(f"{address.rstrip('/')}/models",
                                     headers={"Authorization": f"Bearer {key}"} if key else {})
    try:
        urllib.request.urlopen(request, timeout=_SECONDS).close()
    except urllib.error.HTTPError as error:
        if error.code in _REFUSED:
            return f"{role}: {address} refuses the key in {_KEY}; set it to one that is valid there"
    except TimeoutError:
        return None
    except (OSError, ValueError) as error:
        if isinstance(getattr(error, "reason", None), TimeoutError):
            return None
        reason = str(getattr(error, "reason", error)).rpartition("] ")[2]
        return f"{role}: nothing answers at {address} ({reason}); start the endpoint, or correct its API base URL"
    return None
