"""Scores of answers in other languages: words without blanks, letters beyond a to z, negations in their own words."""

from __future__ import annotations

import asyncio

import pytest
from ragas.metrics.collections import RougeScore

from runner.judge.fact_recall import fact_recall
from runner.judge.ragas_metrics import for_rouge


def rouge(answer: str, reference: str) -> float:
    scorer = RougeScore(rouge_type="rougeL", mode="fmeasure")
    return float(asyncio.run(scorer.ascore(reference=for_rouge(reference), response=for_rouge(answer))).value)


@pytest.mark.parametrize(("answer", "reference", "score"), [
    ("控制器打开进水阀", "控制器打开进水阀", 1.0), ("控制器打开进水阀", "控制器打开出水阀", 7 / 8),
    ("27ミリ秒", "バルブは27ミリ秒", 2 * 4 / (4 + 8)), ("Клапан открыт", "Клапан открыт", 1.0),
    ("Клапан открыт", "Насос закрыт", 0.0), ("das Ventil öffnet", "das Ventil schließt", 2 / 3),
    ("das Ventil über", "das Ventil ober", 2 / 3), ("밸브는 열립니다", "밸브는 닫힙니다", 1 / 2),
    ("The valve opens", "The valve closes", 2 / 3)])
def test_rouge_sees_the_words_of_every_script(answer: str, reference: str, score: float) -> None:
    assert rouge(answer, reference) == pytest.approx(score)


def test_an_english_text_is_scored_as_ever() -> None:
    assert for_rouge("It opens (27 ms) after it's told to.") == "It opens (27 ms) after it's told to."


@pytest.mark.parametrize(("answer", "terms", "score"), [
    ("控制器会在27毫秒之内打开进水阀。", ["27"], 1.0), ("控制器会在二十七毫秒之内打开。", ["二十七毫秒"], 1.0),
    ("控制器会在127毫秒之内打开。", ["27"], 0.0), ("控制器不会打开进水阀。", ["进水阀"], 0.0),
    ("27ミリ秒以内に開きます。", ["27", "ミリ秒"], 1.0), ("Es öffnet nicht das Einlassventil.", ["Einlassventil"], 0.0),
    ("Es öffnet das Einlassventil.", ["Einlassventil"], 1.0), ("Клапан не открыт.", ["открыт"], 0.0),
    ("It opens within 27ms.", ["27"], 0.0), ("It opens within 27 ms.", ["27"], 1.0)])
def test_terms_are_found_where_no_blank_separates_words(answer: str, terms: list[str], score: float) -> None:
    assert fact_recall(answer, terms) == score
