"""Key terms that are code: found between code marks and without them, whatever words and marks they are made of."""

from __future__ import annotations

import pytest

from runner.judge.fact_recall import fact_recall


@pytest.mark.parametrize(("answer", "term"), [
    ("Run `kubectl get pods` first.", "kubectl get pods"), ("Run kubectl get pods first.", "`kubectl get pods`"),
    ("Run `kubectl` `get pods` first.", "kubectl get pods"), ("Run **kubectl get pods** first.", "kubectl get pods"),
    ("Run:\n\n```\nkubectl get pods --all\n```", "kubectl get pods"),
    ("Start it with `--flag=value`.", "--flag=value"), ("Start it with --flag=value, then wait.", "--flag=value"),
    ("Start it with `tool --flag=value`.", "--flag"), ("Pass `--no-verify` to it.", "--no-verify"),
    ("Pass --no-verify to it.", "--no-verify"), ("Use `git commit --no-verify -m text`.", "-m text"),
    ("Set `restart: never` there.", "restart: never"), ("It holds `[a, b]`.", "[a, b]"),
    ("Set `never` and then `port: 80, 443`.", "port: 80, 443"), ("Write `if not x: return`.", "return"),
    ("Call `--without-ssl` together with `--port`.", "--port"), ("Set no-cache/max-age to `60s`.", "60s"),
    ("Der Befehl `stockwaage --ohne-ton` schreibt `tag.csv`.", "tag.csv"),
    ("`dojou.csv`に書き、`chaen --kaseki=2024`で比べる。", "chaen --kaseki=2024"), ("Use `C:\\dir` here.", "C:\\dir"),
    ("It is `a.b.c`.", "a.b.c"), ("See `x`. It sets `k=v`", "k=v"), ("Use `f(x, y)`.", "f(x, y)")])
def test_code_is_found(answer: str, term: str) -> None:
    assert fact_recall(answer, [term]) == 1.0


@pytest.mark.parametrize(("answer", "term"), [
    ("Do not run `kubectl get pods`.", "kubectl get pods"), ("`--flag=value` is not needed.", "--flag=value"),
    ("Run `kubectl get podsets`.", "kubectl get pods"), ("Run `kubectl get nodes`.", "kubectl get pods"),
    ("Start it with `--flags=value`.", "flag=value"), ("It never reads `port: 80, 443`.", "port: 80, 443"),
    ("Starten Sie es nicht mit `--ton`.", "--ton")])
def test_other_code_and_denied_code_is_not(answer: str, term: str) -> None:
    assert fact_recall(answer, [term]) == 0.0


@pytest.mark.parametrize(("answer", "term", "score"), [
    ("밸브는 27밀리초 이내에 열립니다.", "밸브", 1.0), ("밸브를 연다.", "밸브", 1.0), ("밸브판은 연다.", "밸브", 0.0),
    ("27 ミリ秒で開く。", "27ミリ秒", 1.0), ("127ミリ秒で開く。", "27ミリ秒", 0.0)])
def test_particles_and_blanks_before_a_unit_do_not_hide_a_term(answer: str, term: str, score: float) -> None:
    assert fact_recall(answer, [term]) == score
