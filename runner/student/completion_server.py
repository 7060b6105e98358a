"""One model at a server that speaks vLLM's form of `/v1/completions`: token ids in, texts and log-probabilities out.

Adapters are loaded by name while the server runs (vLLM: `--enable-lora`, VLLM_ALLOW_RUNTIME_LORA_UPDATING=1). The
server reads them from their folder, so it has to see the same files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.llm.credentials import key_for
from runner.llm.errors import EndpointUnavailable, TeacherError
from runner.llm.openai_client import OpenAIChat
from runner.llm.redaction import redact_url
from runner.student.errors import AdapterLoadFailed, ModelLoadFailed
from runner.student.lora.adapter_files import weights_sha256

_LOAD_ADAPTER = "/load_lora_adapter"


@dataclass(frozen=True)
class Completion:
    """What a server generated after a prompt."""

    text: str
    tokens: int
    ended: bool
    """False where the longest answer cut it off."""


class CompletionServer:
    """Asks one base model, and the adapters that it has loaded. Safe to use from several threads."""

    def __init__(self, address: str, reply_seconds: float) -> None:
        """A client for one server.

        Args:
            address: base URL that ends in /v1.
            reply_seconds: the longest wait for a reply.
        """
        self.address = redact_url(address)
        self._chat = OpenAIChat("", address, key_for(address), reply_seconds)
        self._loaded: set[str] = set()

    def find_model(self, wanted: str) -> str:
        """Return the name under which the server has a base model, and ask that one from now on.

        Args:
            wanted: the student's name or folder; needed only where the server has several models.

        Raises:
            EndpointUnavailable: nothing answers.
            ModelLoadFailed: it has none, or several and none of that name.
        """
        rows = [row for row in self._get("/models").get("data") or [] if not row.get("parent")]
        names = [str(row.get("id")) for row in rows]
        found = [str(row.get("id")) for row in rows if wanted in (row.get("id"), row.get("root"))] or names
        if len(found) != 1:
            raise ModelLoadFailed(f"the student server {self.address} has {len(names)} models "
                                  f"({', '.join(names) or 'none'}) and none of them is {wanted!r}: serve the student "
                                  "under its own name")
        self._chat.model = found[0]
        return found[0]

    def load_adapter(self, folder: Path) -> str:
        """Return the name of an adapter there, after loading it if necessary; its weights' hash is its name.

        Raises:
            AdapterLoadFailed: the server does not load it.
        """
        name = f"adapter-{weights_sha256(folder)[:16]}"
        if name in self._loaded:
            return name
        listed = {str(row.get("id")) for row in self._get("/models").get("data") or []}
        if name not in listed:
            found, refusal = self._chat.ask_library(lambda client: client.post(
                _LOAD_ADAPTER, cast_to=str, body={"lora_name": name, "lora_path": str(folder.resolve())}))
            if isinstance(found, EndpointUnavailable):
                raise found
            if isinstance(found, TeacherError):
                raise AdapterLoadFailed(
                    f"the student server {self.address} does not load the adapter {folder}: "
                    f"{refusal.message or found}; start vLLM with --enable-lora, --max-lora-rank of at least "
                    "the run's rank, and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1, where it sees this folder")
        self._loaded.add(name)
        return name

    def complete(self, prompt: Sequence[int], adapter: str | None, options: Mapping[str, Any]) -> Completion:
        """Return what is generated after a prompt.

        Args:
            prompt: token ids.
            adapter: its name there; None asks the base model.
            options: fields of the request, in vLLM's names.
        """
        reply = self._post({"prompt": list(prompt), **options}, adapter)
        choice = reply["choices"][0]
        return Completion(str(choice.get("text") or ""), int(reply["usage"]["completion_tokens"]),
                          choice.get("finish_reason") == "stop")

    def logprobs(self, ids: Sequence[int], adapter: str | None) -> list[float]:
        """Return the log-probability of each token but the first, given those before it, in nats.

        Raises:
            ModelLoadFailed: the server gives no log-probabilities of a prompt.
        """
        reply = self._post({"prompt": list(ids), "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0}, adapter)
        rows = reply["choices"][0].get("prompt_logprobs")
        if not isinstance(rows, list) or len(rows) != len(ids):
            raise ModelLoadFailed(f"the student server {self.address} gives no log-probabilities of a prompt "
                                  "(prompt_logprobs), which the likelihood metrics need: serve the student by vLLM")
        return [float(row[str(token)]["logprob"]) for token, row in zip(ids[1:], rows[1:], strict=True)]

    def _post(self, body: Mapping[str, Any], adapter: str | None) -> dict[str, Any]:
        return self._object("post", "/completions", {"model": adapter or self._chat.model, **body})

    def _get(self, path: str) -> dict[str, Any]:
        return self._object("get", path)

    def _object(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        options: dict[str, Any] = {} if body is None else {"body": body}
        found, _ = self._chat.ask_library(lambda client: getattr(client, method)(path, cast_to=object, **options))
        if isinstance(found, TeacherError):
            raise found
        if not isinstance(found, dict):
            raise EndpointUnavailable(f"what {self.address} answers is no JSON object: check that it is the address of "
                                      "an OpenAI-compatible server, with /v1 at its end")
        return found
