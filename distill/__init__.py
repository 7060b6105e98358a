"""Call a REST interface of this program from Python; imports neither the program nor torch.

    from distill import Client

    with Client("http://127.0.0.1:8600") as client:
        run = client.launch({"preset": "embedded", "questions": 20}, key="build-17")
        run = client.wait(run.id)
        print(client.verdict(run.id).sentence)
"""

from __future__ import annotations

from distill.client import ApiError, Client
from distill.models import Change, Event, Run, Verdict

__all__ = ["ApiError", "Change", "Client", "Event", "Run", "Verdict"]
