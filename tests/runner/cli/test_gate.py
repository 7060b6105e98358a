"""`gate`: requirements are decided by the interval, and the exit code, the files and the text agree."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from runner.cli.main import main, parser
from store.analysis.quality_gate import InvalidRequirement, outcome_of, parse_requirement
from store.statistics import paired_change
from tests.dashboard import stores


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Two runs on the same test, the second much better; one with another test; one without results."""
    folder = tmp_path_factory.mktemp("data")
    store = stores.store_at(folder)
    runs = {
        "weak": stores.finished(store, stores.long_ago(5), gains=(0.0,), seed=1),
        "strong": stores.finished(store, stores.long_ago(4), gains=(0.6,), seed=1),
        "other": stores.finished(store, stores.long_ago(3), gains=(0.3,), seed=2, held_out=30),
        "queued": stores.queued(store, stores.long_ago(2)),
    }
    store.close()
    return folder, runs


@pytest.fixture(autouse=True)
def here(data: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(data[0]))
    monkeypatch.delenv("STORE_URL", raising=False)


@pytest.mark.parametrize(("run", "requirement", "code"), [
    ("strong", "better than untrained", 0),
    ("strong", "choice_accuracy better than {weak} by 0.05", 0),
    ("strong", "better than {weak} by 0.99", 1),
    ("strong", "no worse than {weak} by 0.03", 0),
    ("weak", "no worse than {strong} by 0.03", 1),
    ("weak", "better than untrained by 0.01", 2),
    ("strong", "faithfulness better than {weak}", 2),
    ("strong", "better than {other}", 2),
])
def test_the_exit_code_says_whether_it_holds_fails_or_is_inconclusive(
        data: tuple[Path, dict[str, str]], capsys: pytest.CaptureFixture[str], run: str, requirement: str,
        code: int) -> None:
    outcome = ("holds", "fails", "inconclusive")[code]
    assert main(["gate", data[1][run], "--require", requirement.format(**data[1])]) == code
    assert capsys.readouterr().out.startswith(outcome)


def test_the_worst_requirement_decides_and_all_outputs_agree(
        data: tuple[Path, dict[str, str]], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    texts = ["better than untrained", f"better than {data[1]['weak']} by 0.99", f"better than {data[1]['other']}"]
    junit, markdown = tmp_path / "gate.xml", tmp_path / "gate.md"
    assert main(["gate", data[1]["strong"], "--json", "--junit", str(junit), "--markdown", str(markdown),
                 *(word for text in texts for word in ("--require", text))]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [row["outcome"] for row in found["requirements"]] == ["holds", "fails", "inconclusive"]
    suite = ElementTree.parse(junit).getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    assert [case.get("name") for case in suite] == texts and [len(case) for case in suite] == [0, 1, 1]
    assert all(f"**{row['outcome']}** | {row['reason']}" in markdown.read_text() for row in found["requirements"])
    assert markdown.read_text().startswith(f"## {data[1]['strong']}:1: fails")


@pytest.mark.parametrize(("run", "requirement", "says"), [
    ("strong", "as good as untrained", "write it as [METRIC]"),
    ("strong", "no worse than untrained by -1", "write it as"),
    ("strong", "beauty better than untrained", "no metric 'beauty'"),
    ("nobody", "better than untrained", "no run 'nobody'"), ("strong", "better than nobody", "no run 'nobody'"),
    ("queued", "better than untrained", "no results yet"),
    ("strong", "better than {strong}", "compared with itself"),
])
def test_what_cannot_be_decided_is_refused_and_writes_nothing(
        data: tuple[Path, dict[str, str]], capsys: pytest.CaptureFixture[str], tmp_path: Path, run: str,
        requirement: str, says: str) -> None:
    assert main(["gate", data[1].get(run, run), "--require", requirement.format(**data[1]),
                 "--junit", str(tmp_path / "gate.xml")]) == 2
    assert says in capsys.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize(("text", "gain", "outcome"), [
    ("no worse than untrained by 0.1", -0.05, "holds"), ("no worse than untrained by 0.1", -0.3, "fails"),
    ("better than untrained by 0.1", 0.3, "holds"), ("better than untrained by 0.1", 0.05, "fails"),
])
def test_less_is_better_turns_the_requirement_round(text: str, gain: float, outcome: str) -> None:
    before = [1.0, 1.2, 0.8, 1.1, 0.9, 1.3, 0.7, 1.0]
    noise = [0.01, -0.01, 0.0, 0.01, -0.01, 0.0, 0.01, -0.01]
    after = [b - gain + n for b, n in zip(before, noise, strict=True)]
    assert outcome_of(parse_requirement(text), paired_change(before, after, range(8), -1), "reference_nll") == outcome
    few = paired_change(before[:3], after[:3], range(3), -1)
    assert outcome_of(parse_requirement(text), few, "reference_nll") == "inconclusive"


@pytest.mark.parametrize("text", ["", "better", "better than", "better than untrained by", "better than a b"])
def test_half_a_requirement_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequirement, match="write it as"):
        parse_requirement(text)


def test_the_workflow_of_the_readme_calls_commands_that_exist(
        data: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = Path(__file__).parents[3] / "runner/cli/README.md"
    workflow, = re.findall(r"^```yaml\n(.*?)^```", readme.read_text(encoding="utf-8"), re.M | re.S)
    steps = yaml.safe_load(workflow)["jobs"]["gate"]["steps"]
    commands = [shlex.split(command) for step in steps for line in [step.get("run", "").replace("\\\n", " ")]
                for command in re.split(r"&&|> run\.json", line) if command.strip().startswith("distill ")]
    assert [words[1] for words in commands] == ["setup", "run", "gate"]
    parser(["run"]).parse_args(commands[1][1:])
    monkeypatch.chdir(tmp_path)
    filled = {"$(jq -rs 'last.run' run.json)": data[1]["strong"], "$GITHUB_STEP_SUMMARY": "summary.md"}
    assert main([filled.get(word, word) for word in commands[2][1:]]) in (0, 1, 2)
    assert ElementTree.parse("gate.xml").getroot().attrib["tests"] == "2" and Path("summary.md").read_text()
