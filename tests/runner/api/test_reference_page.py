"""The page of the REST interface in a real browser, and the README's examples against a real server."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from runner.cli.api import openapi_text
from store import queries
from store.event_log.journal import append_without_claim
from store.events import RunFinished
from tests.dashboard.accessibility import serious_faults

ROOT = Path(__file__).parents[3]
EXAMPLES = re.findall(r"^```python\n(.*?)^```", (ROOT / "distill/README.md").read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_person_reads_every_path_on_the_page(served: Any, address: str, scheme: str) -> None:
    if not Path("/usr/bin/chromium").exists():
        pytest.skip("there is no /usr/bin/chromium: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    faults: list[str] = []
    paths = json.loads(openapi_text())["paths"]
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = chromium.new_page(color_scheme=scheme, viewport={"width": 390, "height": 800})
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith((address, "data:")) else
                faults.append(f"asked {request.url}"))
        page.goto(f"{address}/docs")
        assert page.locator("summary").count() == sum(map(len, paths.values()))
        launch = page.locator("#launch_run")
        launch.locator("summary").click()
        assert launch.get_by_text("Idempotency-Key").is_visible() and launch.get_by_text('"questions": 20').is_visible()
        for summary in page.locator("summary").all():
            summary.evaluate("one => one.parentElement.open = true")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert serious_faults(page) == [] and faults == []
        page.get_by_role("link", name="openapi.json").click()
        page.wait_for_url("**/openapi.json")
        assert json.loads(page.locator("pre").inner_text())["openapi"] == "3.1.0"
        chromium.close()


def test_there_are_three_examples() -> None:
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.strip().splitlines()[0])
def test_an_example_of_the_readme_runs_as_it_stands(served: Any, address: str, example: str,
                                                    capsys: pytest.CaptureFixture[str]) -> None:
    """A runner's part is played: what is queued finishes at once."""
    stop = threading.Event()

    def finish_what_is_queued() -> None:
        while not stop.wait(0.05):
            for run in queries.queue(served.store):
                if run.id != served.queued:
                    with served.store.write() as connection:
                        append_without_claim(connection, run.id, RunFinished("improved", "By 0.2.", 1.0))

    thread = threading.Thread(target=finish_what_is_queued)
    thread.start()
    said = ""
    try:
        while not said:  # an example that follows events for a second may see none on a busy machine
            exec(compile(example.replace("http://127.0.0.1:8600", address), "README.md", "exec"), {})
            said = capsys.readouterr().out
    finally:
        stop.set()
        thread.join()
    assert "improved" in said or "RunFinished" in said
