"""A whole run on documents in another language, with a chat teacher that asks and answers in it."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import fakes
import pytest

from runner.pipeline.resources import RunResources
from runner.pipeline.worker import build_resources, execute_claimed_run
from store import commands, queries
from store.database import Store
from store.event_log import leases
from store.event_log.journal import Journal, read_events
from store.events import QuestionsRejected, ReferencesWritten
from store.paths import Paths
from store.run_config import RunConfig
from tests.knowledge.folder_files import write
from tests.plain_runs import plain_run
from tests.runner.fake_openai import FakeOpenAI

# Language -> the words of twelve pages, column by column, the text of a page, and a question on its beginning.
PAGES = {
    "de": (("Einlassventil Schwimmer Brenner Mischer Thermostat Speicher Zähler Rücklauf Filter Motor Fühler Deckel",
            "öffnet schließt meldet bremst kühlt füllt leert spült prüft trennt dämpft hebt",
            "Hauptleitung Grundplatte Steuerung Anlage Wohnung Werkstatt Turbine Schleuse Kammer Pumpe Achse Klappe",
            "Millisekunden Sekunden Minuten Stunden Tagen Wochen Monaten Jahren Takten Umdrehungen Litern Graden"),
           "Der {0} {1} die {2} nach {4} {3}. Bei Frost beginnt das Bauteil Nummer {4} mit der Arbeit am {2}wechsel.",
           "Was wird über {begin} gesagt?"),
    "zh": (("进水阀 浮子 燃烧器 混合器 恒温器 水箱 水表 回水管 过滤器 电动机 传感器 盖板",
            "打开 关闭 报告 减慢 冷却 充满 排空 冲洗 检查 分离 缓冲 提升",
            "主管道 底板 控制台 设备 住宅 车间 涡轮 船闸 燃烧室 水泵 车轴 挡板",
            "毫秒 秒钟 分钟 小时 天 星期 个月 年 节拍 圈 升 度"),
           "当信号到达以后,{0}会在{4}{3}之内{1}{2},并且把结果写入第{4}号维护日志。", "关于{begin}说了什么？"),
}


def pages_in(language: str) -> list[str]:
    columns = [column.split() for column in PAGES[language][0]]
    return [PAGES[language][1].format(*row, 20 + number) for number, row in enumerate(zip(*columns, strict=True))]


def words_in(language: str) -> Any:
    """A teacher that asks about the beginning of a passage, and repeats its first sentence as the answer."""
    def words(body: dict[str, Any]) -> str:
        prompt = str(body["messages"][-1]["content"])
        blocks = re.findall(r"^\[(P\d+)\] .*\n(.*)$", prompt, re.M)
        if blocks:
            return json.dumps({"questions": [
                {"passage": label, "evidence": text, "question": PAGES[language][2].format(begin=text[:36])}
                for label, text in blocks]})
        passage = re.search(r"Passage \(.*?\):\n(.*)\n\nQuestion", prompt, re.S)
        return json.dumps({"answer": passage[1] if passage else "", "evidence": passage[1] if passage else ""})
    return words


def bench(config: RunConfig, run: str, store: Store, paths: Paths, journal: Journal) -> RunResources:
    """The real documents and the real teacher; fakes for student and encoder."""
    real = build_resources(config, run, store, paths, journal)
    return dataclasses.replace(fakes.fake_resources(config, run, store, paths, journal), open_teacher=real.open_teacher,
                               open_domain=real.open_domain)


@pytest.mark.parametrize("language", PAGES)
def test_a_run_in_another_language_asks_and_answers_in_it(fake: FakeOpenAI, store: Store, tmp_path: Path,
                                                          language: str) -> None:
    for number, text in enumerate(pages_in(language)):
        write(tmp_path / "docs" / f"{number:02}.md", f"# {text[:12]}\n\n{text}\n")
    fake.words = words_in(language)
    run = commands.launch_run(store, plain_run(
        teacher="gpt-4o-mini", teacher_base_url=fake.url, knowledge=str(tmp_path / "docs"), topics=(), questions=2,
        held_out=2, steps=2), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(tmp_path, store.url), bench) == 0
    found = queries.find_run(store, run)
    assert found and found.work == "finished", found and found.error
    events = [item.event for item in read_events(store, run)]
    assert not any(isinstance(event, QuestionsRejected) for event in events)
    written = [one for event in events if isinstance(event, ReferencesWritten) for one in event.references]
    assert len(written) == 4 and all(one.text and not one.missing for one in written)
