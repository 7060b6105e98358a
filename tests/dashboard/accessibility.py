"""Run axe-core, the accessibility engine, on an open page."""

from __future__ import annotations

from importlib import resources
from typing import Any

SERIOUS = ("serious", "critical")
_RUN = """() => axe.run(document, {resultTypes: ['violations']}).then(found => found.violations.map(one => ({
  rule: one.id, impact: one.impact, help: one.help,
  nodes: one.nodes.slice(0, 4).map(node => ({target: node.target.join(' '), html: node.html.slice(0, 200)}))})))"""


def serious_faults(page: Any) -> list[str]:
    """The serious and critical violations on the page, each with its rule and the first element."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    return [f"{found['rule']} ({found['impact']}): {found['help']}: {node['target']}: {node['html']}"
            for found in page.evaluate(_RUN) if found["impact"] in SERIOUS for node in found["nodes"]]
