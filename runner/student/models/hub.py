"""Find and download models from a Hugging Face hub.

Only safetensors weights are downloaded, and no code that comes with a model.
"""

from __future__ import annotations

import fnmatch
import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from runner.errors import first_line
from runner.student.errors import ModelLoadFailed
from store.program_name import NAME

FILE_PATTERNS = ("*.safetensors", "*.json", "tokenizer.model", "vocab.*", "merges.txt", "LICENSE*", "README.md")
_REACH_SECONDS = 3.0
_SPARE_BYTES = 500_000_000


@dataclass(frozen=True)
class HubModel:
    """A model on the hub at one revision."""

    model: str
    revision: str
    """The commit hash, so the files cannot change."""
    files: tuple[str, ...]
    size_bytes: int


def endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co")


def check_reachable(model: str) -> None:
    """Fail immediately if the hub is unreachable; the library itself would retry for minutes.

    Raises:
        ModelLoadFailed: the message says what to do.
    """
    advice = ("choose 'embedded' or a local model folder, or fetch it where there is a network "
               f"({NAME} download {model}) and bring the cache along (HF_HOME)")
    if reason := unreachable():
        raise ModelLoadFailed(f"student {model!r} is not in the local cache and {reason}: {advice}")


def unreachable() -> str | None:
    """Why the hub cannot be reached, as a phrase; None if it can."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        return "HF_HUB_OFFLINE is set"
    proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")
    address = urlsplit(proxy or endpoint())
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname or "", port), timeout=_REACH_SECONDS).close()
    except OSError as error:
        return f"{endpoint()} cannot be reached ({error})"
    return None


def setting_errors() -> tuple[type[Exception], ...]:
    """Exceptions for a value of the wrong type in a model's configuration; they derive from no standard error."""
    from huggingface_hub.errors import StrictDataclassError

    return (StrictDataclassError,)


def find_model(model: str, revision: str | None = None) -> HubModel:
    """Look up a model on the hub without downloading it.

    Raises:
        ModelLoadFailed: hub unreachable, no such model, or only pickled weights.
    """
    check_reachable(model)
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        info = HfApi(endpoint=endpoint()).model_info(model, revision=revision, files_metadata=True, timeout=20)
    except (HfHubHTTPError, HFValidationError, httpx2.HTTPError, OSError) as error:
        raise ModelLoadFailed(f"model {model!r} cannot be found at {endpoint()}: {first_line(error)}; check its name "
                              "and revision (and HF_TOKEN for a gated one)") from error
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    wanted = tuple(name for name in sizes if any(fnmatch.fnmatch(name, pattern) for pattern in FILE_PATTERNS))
    if not any(name.endswith(".safetensors") for name in wanted):
        raise ModelLoadFailed(f"model {model!r} has no safetensors: pickled weights can run code when read and are not "
                              "fetched; choose another model or revision")
    return HubModel(model, str(info.sha), wanted, sum(sizes[name] for name in wanted))


def download(offer: HubModel) -> Path:
    """Download a model to the local cache and return its folder there.

    A broken connection is resumed within the file a few times; after a kill, finished files are kept and the current
    file starts over, because the library gives each process its own partial file.

    Raises:
        ModelLoadFailed: not enough disk space, or the connection broke; downloaded files are kept.
    """
    import httpx2
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    cache = Path(constants.HF_HUB_CACHE)
    missing = offer.size_bytes - _arrived_bytes(cache, offer)
    free = shutil.disk_usage(next(parent for parent in (cache, *cache.parents) if parent.exists())).free
    if free < missing + _SPARE_BYTES:
        raise ModelLoadFailed(f"model {offer.model!r} needs {(missing + _SPARE_BYTES) / 1e9:.1f} GB and {cache} has "
                              f"{free / 1e9:.1f} GB free: free space, or set HF_HOME to a folder on another disk")
    try:
        folder = snapshot_download(offer.model, revision=offer.revision, allow_patterns=list(FILE_PATTERNS),
                                   max_workers=4, endpoint=endpoint())
    except (HfHubHTTPError, httpx2.HTTPError, OSError, RuntimeError) as error:
        raise ModelLoadFailed(f"model {offer.model!r} was only partly downloaded from {endpoint()}: "
                              f"{first_line(error)}; the same command fetches the rest") from error
    _set_main_ref(cache, offer)
    return Path(folder)


def _arrived_bytes(cache: Path, offer: HubModel) -> int:
    blobs = _folder(cache, offer) / "blobs"
    return sum(file.stat().st_size for file in blobs.iterdir()) if blobs.is_dir() else 0


def _set_main_ref(cache: Path, offer: HubModel) -> None:
    """Point the cache's `refs/main` at this revision, so that the model loads by name without a hub."""
    refs = _folder(cache, offer) / "refs"
    refs.mkdir(parents=True, exist_ok=True)
    (refs / "main").write_text(offer.revision, encoding="ascii")


def _folder(cache: Path, offer: HubModel) -> Path:
    return cache / ("models--" + offer.model.replace("/", "--"))
