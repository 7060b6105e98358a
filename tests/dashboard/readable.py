"""Find texts of an open page with too little contrast, as rendered by the browser."""

from __future__ import annotations

from typing import Any

AA = 4.5
"""Minimum contrast of normal text to its background, by WCAG level AA."""

# The background is that of the ancestors whose box contains the text: a slider's value is above its handle, not on it.
# Disabled elements need no contrast, and hidden ones have none. Another test covers the fills within charts.
_TEXTS = r"""() => {
  const pixel = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true}), known = {};
  const parsed = color => known[color] ??= (() => {
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = color;
    pixel.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pixel.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  })();
  const over = (top, under) => [0, 1, 2].map(at => top[at] * top[3] + under[at] * (1 - top[3])).concat([1]);
  const luminance = color => color.slice(0, 3).map(part => part / 255)
      .map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
      .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const ancestors = element => element ? [element, ...ancestors(element.parentElement)] : [];
  const ground = (element, box) => {
    const x = (box.left + box.right) / 2, y = (box.top + box.bottom) / 2, layers = [];
    for (const one of ancestors(element)) {
      const around = one.getBoundingClientRect(), color = parsed(getComputedStyle(one).backgroundColor);
      const within = x >= around.left && x <= around.right && y >= around.top && y <= around.bottom;
      if (one !== document.body && !within) continue;
      layers.push(color);
      if (color[3] === 1) break;
    }
    return layers.reduceRight((under, layer) => over(layer, under), [255, 255, 255, 1]);
  };
  const texts = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; node = walk.nextNode();) {
    const words = node.textContent.trim(), element = node.parentElement, style = getComputedStyle(element);
    const off = 'script, style, noscript, [disabled], [aria-disabled=true], [data-disabled], '
        + '[role=tooltip], [data-testid=stStatusWidget]';  // these come and go by fading
    const folded = element.closest('[data-testid=stSidebar]')?.getBoundingClientRect().right < 1;
    if (!words || folded || element.closest(off)) continue;
    const svg = element.closest('svg');
    const written = '.xtick, .ytick, .gtitle, .legendtext, .g-xtitle, .g-ytitle, .annotation, .textpoint';
    if (svg && !element.closest(written)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    const shown = ancestors(element).reduce((part, one) => part * getComputedStyle(one).opacity, 1);
    if (box.width < 2 || box.height < 2 || style.visibility === 'hidden' || shown < 0.05) continue;
    const on = ground(svg ?? element, box), color = parsed(svg ? style.fill : style.color);
    const drawn = over([...color.slice(0, 3), color[3] * shown], on);
    const [darker, lighter] = [luminance(drawn), luminance(on)].sort((one, other) => one - other);
    const kind = ancestors(element).map(one => one.dataset?.testid).find(Boolean) ?? '';
    texts.push({kind, words: words.slice(0, 40), contrast: Math.round((lighter + 0.05) / (darker + 0.05) * 100) / 100});
  }
  return texts;
}"""


def texts(page: Any) -> list[dict[str, Any]]:
    """All visible texts of the page: kind of element, text and contrast."""
    return list(page.evaluate(_TEXTS))


def faint(page: Any) -> list[str]:
    """The texts below level AA."""
    return sorted({f'"{text["words"]}" in {text["kind"]} has a contrast of {text["contrast"]}'
                   for text in texts(page) if text["contrast"] < AA})
