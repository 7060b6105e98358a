"""Runs over REST: launched once for a key, controlled, and read as the store has them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from runner.api.app import create_app
from store import queries

SMALL = {"preset": "embedded", "questions": 5, "held_out": 6, "topics": ["pods"], "name": "over REST"}


def test_a_run_is_launched_with_its_settings_and_recorded_as_launched_by_the_interface(served: Any) -> None:
    response = served.client.post("/v1/runs", json={"settings": SMALL, "priority": 3})
    assert response.status_code == 201
    run = queries.find_run(served.store, response.json()["id"])
    assert run and (run.requested_by, run.priority, run.config.questions, run.name) == ("api", 3, 5, "over REST")
    assert run.config.topics == ("pods",)
    again = served.get(response.headers["location"])
    assert (again["state"], again["settings"]["questions"]) == ("queued", 5)


def test_a_key_launches_one_run_however_often_it_is_sent(served: Any) -> None:
    key = {"Idempotency-Key": "build-17"}
    first, second = (served.post("/v1/runs", json={"settings": SMALL}, headers=key) for _ in range(2))
    assert first["id"] == second["id"]
    other = served.post("/v1/runs", 409, json={"settings": SMALL | {"questions": 6}}, headers=key)
    assert other["detail"] == (f"the key 'build-17' has launched the run {first['id']} with other settings: use "
                               "another key")
    assert served.post("/v1/runs", json={"settings": SMALL})["id"] != first["id"]


@pytest.mark.parametrize(("body", "sentences"), [
    ({"settings": {"questoins": 5}}, ["no setting 'questoins', did you mean questions?"]),
    ({"settings": {"questions": 2000, "cycles": 99}},
     ["cycles 99 is out of range: use 1 to 10", "questions 2000 is out of range: use 1 to 1000"]),
    ({"settings": {"questions": "five"}}, ["questions 'five' is not a whole number"]),
    ({"settings": {"preset": "embeded"}}, ["unknown preset 'embeded': use one of embedded, phi-2, did you mean "
                                           "'embedded'?"]),
    ({"setings": {}}, ["setings is no field of this request"]),
    ({"priority": "high"}, ["priority 'high': input should be a valid integer, unable to parse string as an integer"]),
])
def test_what_is_no_run_is_refused_with_a_sentence_for_each_value_and_nothing_is_queued(
        served: Any, body: dict[str, Any], sentences: list[str]) -> None:
    before = queries.count_of_runs(served.store)
    problem = served.post("/v1/runs", 422, json=body)
    assert sorted(problem["errors"]) == sentences and problem["status"] == 422
    assert queries.count_of_runs(served.store) == before


def test_the_command_lines_checks_before_a_launch_are_made_here_too(served: Any) -> None:
    context = dataclasses.replace(served.app.state.context, launch_errors=lambda config: ["OPENAI_API_KEY is not set"])
    with TestClient(create_app(context), base_url="http://127.0.0.1") as client:
        response = client.post("/v1/runs", json={"settings": SMALL})
    assert (response.status_code, response.json()["errors"]) == (422, ["OPENAI_API_KEY is not set"])


def test_a_run_is_paused_resumed_and_cancelled_and_what_is_not_possible_is_refused(served: Any) -> None:
    run = served.post("/v1/runs", json={"settings": SMALL})["id"]
    states = [served.post(f"/v1/runs/{run}/{action}", 202)["state"] for action in ("pause", "resume", "cancel")]
    assert states == ["paused", "queued", "cancelled"]
    refused = served.post(f"/v1/runs/{served.finished}/pause", 409)
    assert refused["detail"].startswith(f"run {served.finished} is finished: pause works on runs that are queued")
    assert served.post(f"/v1/runs/{run}/stop", 422)["errors"][0].startswith("action 'stop': input should be 'cancel'")
    assert served.post("/v1/runs/no-run/pause", 404)["detail"] == "no run 'no-run': list them with GET /v1/runs"


def test_a_command_with_a_key_is_executed_once(served: Any) -> None:
    run = served.post("/v1/runs", json={"settings": SMALL})["id"]
    key = {"Idempotency-Key": "stop-1"}
    served.post(f"/v1/runs/{run}/pause", 202, headers=key)
    served.post(f"/v1/runs/{run}/resume", 202)
    assert served.post(f"/v1/runs/{run}/pause", 202, headers=key)["state"] == "queued"


def test_the_list_is_filtered_and_read_page_by_page(served: Any) -> None:
    for number in range(3):
        served.post("/v1/runs", json={"settings": SMALL | {"name": f"paged {number}"}})
    found, cursor = [], ""
    while cursor is not None:
        page = served.get("/v1/runs", params={"words": "paged", "limit": 2, "cursor": cursor})
        found += [run["name"] for run in page["items"]]
        cursor = page["next"]
    assert sorted(found) == ["paged 0", "paged 1", "paged 2"]
    whole = [run["id"] for run in served.get("/v1/runs?words=paged")["items"]]
    page = served.get("/v1/runs?words=paged&limit=2")
    served.post("/v1/runs", json={"settings": SMALL | {"name": "paged later"}})  # moves no page that is being read
    rest = served.get("/v1/runs", params={"words": "paged", "limit": 2, "cursor": page["next"]})
    assert [run["id"] for run in (*page["items"], *rest["items"])] == whole and rest["next"] is None
    by_age = served.get("/v1/runs?words=paged&limit=3&order=oldest")
    last = served.get("/v1/runs", params={"words": "paged", "order": "oldest", "cursor": by_age["next"]})
    assert [run["name"] for run in last["items"]] == ["paged later"]
    assert [run["id"] for run in served.get("/v1/runs?state=finished")["items"]] == [served.finished]
    first = served.get("/v1/runs", params={"words": "paged", "limit": 1})["next"]
    wrong = served.get("/v1/runs", 422, params={"words": "other", "cursor": first})
    assert "is none of this list" in wrong["detail"]
    assert served.get("/v1/queue")[0]["state"] == "queued"


def test_verdict_cycles_and_scores_are_those_of_the_store(served: Any) -> None:
    run = queries.find_run(served.store, served.finished)
    assert run
    verdict = served.get(f"/v1/runs/{served.finished}/verdict")
    assert (verdict["verdict"], verdict["sentence"], verdict["cycle"]) == (run.verdict, run.sentence, 2)
    deciding = next(row for row in queries.changes_of(served.store, run.id, 2)
                    if (row.metric, row.tier, row.topic) == (run.config.headline, run.config.headline_tier, ""))
    assert (verdict["change"]["change"], verdict["change"]["low"]) == (deciding.change, deciding.low)
    assert [cycle["cycle"] for cycle in served.get(f"/v1/runs/{run.id}/cycles")] == [1, 2]
    assert len(served.get(f"/v1/runs/{run.id}/scores?cycle=1")) == len(queries.changes_of(served.store, run.id, 1))
    empty = served.get(f"/v1/runs/{served.queued}/verdict")
    assert (empty["verdict"], empty["change"], empty["cycle"]) == (None, None, None)


def test_answers_are_paged_without_loss_and_a_cursor_of_another_run_is_refused(served: Any) -> None:
    path, found, cursor = f"/v1/runs/{served.finished}/answers", [], ""
    while cursor is not None:
        page = served.get(path, params={"cycle": 1, "limit": 7, "cursor": cursor})
        found += page["items"]
        cursor = page["next"]
    stored = queries.answers_of(served.store, served.finished, 1)
    assert sorted(item["question"] for item in found) == sorted(pair.question for pair in stored)
    pair = next(pair for pair in stored if pair.question == found[0]["question"])
    assert (found[0]["tuned"], found[0]["reference"]) == (pair.tuned, pair.reference)
    first = served.get(path, params={"limit": 1})["next"]
    assert served.get(path, params={"limit": 1, "cursor": first})["items"][0]["cycle"] == 2
    for run, cursor in ((served.queued, first), (served.finished, "x"), (served.finished, "bnVsbA")):
        assert "is none of this list" in served.get(f"/v1/runs/{run}/answers", 422, params={"cursor": cursor})["detail"]


def test_the_series_and_the_evidence_pack_are_there(served: Any) -> None:
    points = served.get(f"/v1/runs/{served.finished}/series?key=loss")
    assert [point["value"] for point in points] == [
        point.value for point in queries.series(served.store, served.finished, "loss")] and points
    assert served.get(f"/v1/runs/{served.finished}/report")["run"]["id"] == served.finished


def test_a_file_of_a_run_is_read_whole_and_in_ranges_and_no_other_file_is(served: Any) -> None:
    folder = served.paths.run(served.finished)
    (folder / "cycle-1").mkdir(parents=True)
    (folder / "cycle-1" / "adapter.safetensors").write_bytes(bytes(range(256)))
    (folder.parent / "secret").write_text("no")
    (folder / "link").symlink_to(folder.parent / "secret")
    base = f"/v1/runs/{served.finished}/artefacts"
    assert {"path": "cycle-1/adapter.safetensors", "size_bytes": 256} in served.get(base)
    file = f"{base}/cycle-1/adapter.safetensors"
    assert served.client.get(file).content == bytes(range(256))
    part = served.client.get(file, headers={"Range": "bytes=16-31"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, bytes(range(16, 32)),
                                                                              "bytes 16-31/256")
    assert served.client.get(file, headers={"Range": "bytes=900-"}).status_code == 416
    for path in ("none", "..%2Fsecret", "%2Fetc%2Fpasswd", "link", "cycle-1", "a%00b", "x" * 400):
        assert served.client.get(f"{base}/{path}").status_code == 404, path


def test_a_schedule_is_added_paused_resumed_and_removed(served: Any) -> None:
    body = {"name": "nightly", "cron": "0 2 * * *", "settings": SMALL}
    assert served.post("/v1/schedules", json=body)["enabled"]
    again = served.post("/v1/schedules", 422, json=body)
    assert again["errors"] == ["there is a schedule 'nightly' already: remove it first, or choose another name"]
    assert not served.post("/v1/schedules/nightly/pause", 202)["enabled"]
    assert served.post("/v1/schedules/nightly/resume", 202)["next_due_at"]
    assert [one["name"] for one in served.get("/v1/schedules")] == ["nightly"]
    assert served.client.delete("/v1/schedules/nightly").status_code == 204
    assert served.client.delete("/v1/schedules/nightly").status_code == 404
    both = served.post("/v1/schedules", 422, json={"name": "x", "cron": "0 2 * * *", "every_seconds": 3600,
                                                   "settings": {"questions": 0}})
    assert len(both["errors"]) == 2


def test_metrics_count_runs_and_events_in_the_text_format(served: Any) -> None:
    families = {family.name: family for family in
                text_string_to_metric_families(served.client.get("/metrics").text)}
    states = {sample.labels["state"]: sample.value for sample in families["distill_runs"].samples}
    runs = queries.all_runs(served.store)
    assert states["finished"] == 1 and sum(states.values()) == len(runs)
    assert families["distill_queue_age_seconds"].samples[0].value > 3600
    assert 0 < families["distill_store_write_seconds"].samples[0].value < 60


def test_what_every_installation_has_is_listed(served: Any) -> None:
    assert served.get("/v1/status")["runners"] == []
    assert served.get("/v1/doctor")["sections"] == {"store": {"fault": ""}}
    topics = served.get("/v1/knowledge")
    assert {"pods", "services"} <= {topic["topic"] for topic in topics} and all(one["passages"] for one in topics)
