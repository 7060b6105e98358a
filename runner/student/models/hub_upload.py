"""Upload an exported student to a Hugging Face hub, in one commit."""

from __future__ import annotations

from pathlib import Path

from runner.student.models.hub import endpoint, unreachable

_OF_THE_HUB = {".gitattributes"}
"""Files that the hub itself puts into a new repository."""


class CannotPush(Exception):
    """The export was not uploaded; the message says what to do."""


def push(folder: Path, name: str, private: bool, message: str) -> str:
    """Upload all files of a folder to a new or empty repository; return its address.

    Args:
        name: such as `our-team/pods-student`; without a slash it is the token's user's.
        private: whether only those whom its owner lets in can read it.

    Raises:
        CannotPush: hub unreachable, token missing or refused, repository not empty, or public where private was asked.
    """
    if reason := unreachable():
        raise CannotPush(f"{name} was not uploaded, because {reason}; the export is in {folder}")
    import httpx2
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError

    hub = HfApi(endpoint=endpoint())
    try:
        made = hub.create_repo(name, private=private, exist_ok=True)
        found = hub.model_info(made.repo_id)
        if there := sorted({file.rfilename for file in found.siblings or ()} - _OF_THE_HUB):
            raise CannotPush(f"{made} has files already ({', '.join(there[:3])}): choose a new name; the export is in "
                             f"{folder}")
        if private and not found.private:
            raise CannotPush(f"{made} is public: choose a new name, or say --public; the export is in {folder}")
        hub.create_commit(made.repo_id, [CommitOperationAdd(path.relative_to(folder).as_posix(), path)
                                         for path in sorted(folder.rglob("*")) if path.is_file()],
                          commit_message=message)
    except (HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, httpx2.HTTPError, OSError) as error:
        raise CannotPush(f"{name} was not uploaded to {endpoint()}: {str(error).strip().partition(chr(10))[0]}; check "
                         f"its name, and that HF_TOKEN may write; the export is in {folder}") from error
    return str(made)
