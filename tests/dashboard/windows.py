"""A browser window on the dashboard: opens pages, collects errors, measures the layout, takes screenshots."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.dashboard import readable
from tests.dashboard.served import ROOT, Server

CHROMIUM = Path("/usr/bin/chromium")
SHOTS = ROOT / "test-results" / "screenshots"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
LARGE, WIDE, NARROW, PHONE = 1920, 1280, 900, 390

# With a tolerance, because glyphs do not fill their boxes.
_FAULTS_OF_CHARTS = """() => [...document.querySelectorAll('.js-plotly-plot')].flatMap(plot => {
  const frame = plot.getBoundingClientRect(), faults = [];
  const name = plot.closest('[data-testid=stPlotlyChart]')?.closest('[class*=st-key-]')?.className
      .match(/st-key-([\\w-]+)/)?.[1] ?? 'chart';
  const texts = [...plot.querySelectorAll('.main-svg text')]
      .filter(text => text.textContent.trim() && !text.closest('.hoverlayer'))
      .map(text => ({words: text.textContent, box: text.getBoundingClientRect()}))
      .filter(({box}) => box.width > 0 && box.height > 0);
  for (const {words, box} of texts)
    if (box.left < frame.left - 2 || box.right > frame.right + 2 || box.top < frame.top - 2
        || box.bottom > frame.bottom + 2) faults.push(`${name}: "${words}" is cut off`);
  texts.forEach((one, at) => texts.slice(at + 1).forEach(other => {
    const wide = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
    const high = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
    if (wide > 2 && high > 4) faults.push(`${name}: "${one.words}" lies over "${other.words}"`);
  }));
  return faults;
})"""
_FAULTS_OF_PAGE = """() => {
  const faults = [], main = document.querySelector('[data-testid=stMain]');
  for (const one of [document.documentElement, main])
    if (one.scrollWidth > one.clientWidth + 1) faults.push(`the page is ${one.scrollWidth} wide`);
  for (const one of document.querySelectorAll('[data-testid=stException]')) faults.push(`raised: ${one.innerText}`);
  for (const one of document.querySelectorAll('[data-testid=stMetricValue] *, [data-testid=stMetricLabel] p, '
                                              + '[data-testid=stMain] button p'))
    if (one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== 'inline')
      faults.push(`"${one.innerText}" is cut off`);
  for (const chart of document.querySelectorAll('.row-chart')) {
    if (!chart.ariaLabel) faults.push('a chart without a description');
    const frame = chart.getBoundingClientRect(), texts = [...chart.querySelectorAll('span')]
        .filter(one => one.textContent.trim()).map(one => ({words: one.textContent, box: one.getBoundingClientRect()}));
    for (const {words, box} of texts)
      if (box.left < frame.left - 2 || box.right > frame.right + 2) faults.push(`"${words}" is cut off`);
    texts.forEach((one, at) => texts.slice(at + 1).forEach(other => {
      if (Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left) > 2
          && Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top) > 4)
        faults.push(`"${one.words}" lies over "${other.words}"`);
    }));
  }
  for (const one of document.querySelectorAll('[data-testid=stPlotlyChart]'))
    if (!one.closest('[aria-label]') && !one.querySelector('[aria-label]'))
      faults.push('a chart without a description');
  return faults;
}"""
_LOOKS = 20
"""How often a page is looked at, half a second apart, before a fault counts."""


class Window:
    """One browser window; collects its errors and its requests to external hosts."""

    def __init__(self, browser: Any, server: Server, scheme: str = "light", width: int = WIDE) -> None:
        self.context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800},
                                           timezone_id="Europe/Berlin")
        self.page = self.context.new_page()
        self.address, self.width = server.address, width
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("response", self._response)
        self.page.on("console", self._console)
        self.page.on("request", lambda request: None if request.url.startswith((server.address, "data:", "blob:"))
                     else self.foreign.append(request.url))

    def open(self, page: str, query: str = "") -> None:
        self.page.goto(f"{self.address}/{'' if page == 'overview' else page}?{query}")
        self.page.wait_for_selector("h1", timeout=600_000)
        self.settle()

    def settle(self) -> None:
        self.page.wait_for_selector(IDLE, timeout=600_000)
        self.drawn()

    def drawn(self) -> None:
        """Wait until no skeleton placeholder is left."""
        self.page.wait_for_function(
            "() => document.querySelectorAll('[data-testid=stSkeleton]').length === 0", timeout=600_000)
        self.page.wait_for_timeout(400)

    def open_everything(self) -> None:
        """Open every expander of the page, including those in tabs."""
        for tab in [None, *self.page.locator("[data-testid=stMain] [role=tab]").all()]:
            if tab:
                tab.click()
            self.page.evaluate("""() => document.querySelectorAll('[data-testid=stMain] details:not([open]) > summary')
                .forEach(summary => summary.offsetParent && summary.click())""")
            self.settle()

    def shoot(self, name: str) -> None:
        """Take a screenshot of the whole page; the window grows to its height."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        height = self.page.evaluate(
            "() => document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
        self.page.set_viewport_size({"width": self.width, "height": max(800, min(int(height) + 40, 6000))})
        self.drawn()
        self.page.screenshot(path=str(SHOTS / f"{name}.png"))
        self.page.set_viewport_size({"width": self.width, "height": 800})

    def faults(self) -> list[str]:
        """Visible faults: errors, external hosts, overlapping, cut-off or low-contrast texts, undescribed charts.

        Only what is still there when looked at again and again.
        """
        for _ in range(_LOOKS - 1):  # what Streamlit is about to redraw is faint, on a busy machine for long
            if not (found := self._faults_now()):
                return found
            self.page.wait_for_timeout(500)
        return self._faults_now()

    def _faults_now(self) -> list[str]:
        return [*self.errors, *self.foreign, *self.page.evaluate(_FAULTS_OF_PAGE),
                *self.page.evaluate(_FAULTS_OF_CHARTS), *readable.faint(self.page)]

    def close(self) -> None:
        self.context.close()

    def _response(self, response: Any) -> None:
        # Below a page's path Streamlit requests its own endpoints first, and then at the root.
        if response.status >= 400 and "/_stcore/" not in response.url:
            self.errors.append(f"{response.status} {response.url}")

    def _console(self, message: Any) -> None:
        if message.type == "error" and not re.search(r"status of 404", message.text):
            self.errors.append(message.text)
