"""The recovery table: for each kind of error the action, number of retries, wait, and the advice shown to the user.

Imports no library: the project's own errors carry their kind as `error_kind`, others are recognised by class name.
"""

from __future__ import annotations

import enum
import errno
from dataclasses import dataclass

from store.program_name import NAME


class ErrorKind(enum.StrEnum):
    """Error categories; the values are stored in events."""

    OUT_OF_MEMORY = "out of memory"
    NO_SMALLER_PLAN = "memory ladder at its end"
    INSUFFICIENT_MEMORY = "does not fit"
    RATE_LIMIT = "rate limit"
    TEACHER_UNREACHABLE = "teacher unreachable"
    TEACHER_REPLY = "teacher reply unreadable"
    AUTHENTICATION = "authentication"
    BUDGET = "budget spent"
    CONTEXT_TOO_LONG = "context too long"
    MODEL_LOADING = "model loading"
    MODEL_UNUSABLE = "model unusable"
    ADAPTER = "adapter unusable"
    TRAINING = "training failure"
    JUDGE = "judge failure"
    KNOWLEDGE = "knowledge"
    DISK_FULL = "disk full"
    DISK = "disk failure"
    PROCESS_KILLED = "process killed"
    INTERRUPTED = "interrupted"
    NODE_LOST = "node lost"
    NOT_PLACED = "not placed"
    STORE_GONE = "store not available"
    CHECKPOINTS_MISSING = "checkpoints elsewhere"
    ARTIFACT_STORE = "artifact store"
    REPLY_NOT_STORED = "reply not stored"
    PRICE_FILE = "price file"
    BATCH_REFUSED = "batch refused"
    KNOWLEDGE_CHANGED = "knowledge changed"
    UNEXPECTED = "unforeseen"


EXIT_STORE_GONE = 4
"""Exit code of a worker that stopped because the store did not answer."""


class Action(enum.StrEnum):
    """What is done about an error while retries are left; afterwards the stage has failed. Values are stored in events."""

    USE_SMALLER_PLAN = "take the next rung of the memory ladder and try again"
    USE_NEXT_SETTINGS = "load with the next settings of the plan and try again"
    WAIT = "wait and try again"
    RESUME = "go on from the last checkpoint"
    REDO = "do again what has no checkpoint here"
    GIVE_UP = "give the stage up"


@dataclass(frozen=True)
class Recovery:
    """How one kind of error is handled: `retries` after the first attempt, with waits that double from `wait_seconds`.

    `fatal` fails the run even if the stage has a fallback, because every later stage would meet the same error.
    """

    action: Action
    retries: int
    wait_seconds: float
    fatal: bool
    advice: str


K, A = ErrorKind, Action
RECOVERY: dict[ErrorKind, Recovery] = {
    #                       action       tries wait   fatal  advice
    K.OUT_OF_MEMORY:       Recovery(A.USE_SMALLER_PLAN, 20, 0.0, False, "Close other programs, or choose a smaller batch or nf4 precision."),
    K.NO_SMALLER_PLAN:        Recovery(A.GIVE_UP, 0, 0.0, False, "Close other programs, or choose a smaller batch or student, then retry the run."),
    K.INSUFFICIENT_MEMORY:             Recovery(A.GIVE_UP, 0, 0.0, True, f"Free memory or choose a smaller student such as 'embedded', then retry the run; `{NAME} doctor` shows what is free."),
    K.RATE_LIMIT:          Recovery(A.WAIT, 8, 5.0, True, "Wait until the rate limit resets, or request a higher one; then retry the run."),
    K.TEACHER_UNREACHABLE: Recovery(A.WAIT, 4, 2.0, True, "Check the address and that the server is up, then retry the run."),
    K.TEACHER_REPLY:       Recovery(A.WAIT, 2, 0.5, True, "The teacher does not answer in a usable form: choose another model."),
    K.AUTHENTICATION:      Recovery(A.GIVE_UP, 0, 0.0, True, "Set OPENAI_API_KEY in the environment or in .env, then retry the run."),
    K.BUDGET:              Recovery(A.GIVE_UP, 0, 0.0, True, "Raise the budget, or ask fewer questions, then retry the run."),
    K.CONTEXT_TOO_LONG:    Recovery(A.GIVE_UP, 0, 0.0, False, "Choose a model with a larger context, or shorter passages."),
    K.MODEL_LOADING:       Recovery(A.USE_NEXT_SETTINGS, 2, 0.0, True, f"Check the student's name or folder; `{NAME} doctor` lists what is available."),
    K.MODEL_UNUSABLE:      Recovery(A.GIVE_UP, 0, 0.0, True, f"Choose a student with safetensors weights; `{NAME} doctor` lists what is available."),
    K.ADAPTER:             Recovery(A.GIVE_UP, 0, 0.0, False, "Train again from the base model (--adapter fresh), or restore the run's folder from a backup."),
    K.TRAINING:            Recovery(A.GIVE_UP, 0, 0.0, False, "Lower the learning rate or change the seed; the cycle ends without an adapter."),
    K.JUDGE:               Recovery(A.WAIT, 1, 0.5, False, "Scores are missing; the stored answers can be judged again."),
    K.KNOWLEDGE:           Recovery(A.GIVE_UP, 0, 0.0, True, "Choose more topics, or fewer questions or cycles."),
    K.KNOWLEDGE_CHANGED:   Recovery(A.GIVE_UP, 0, 0.0, True, "Put the documents back as they were when the test was written and resume the run, or launch a new run on the new documents."),
    K.DISK_FULL:           Recovery(A.GIVE_UP, 0, 0.0, True, "Free space in the data folder, or move it with DATA_DIR, then retry the run."),
    K.DISK:                Recovery(A.GIVE_UP, 0, 0.0, True, "The data folder is not writable: grant permission, repair the disk, or move it with DATA_DIR; then retry the run."),
    # The crash-loop limit: so many crashes of its worker in a row, then the run fails (counted by the supervisor).
    K.PROCESS_KILLED:      Recovery(A.WAIT, 3, 1.0, True, "The worker was killed repeatedly, most likely because memory ran out."),
    K.INTERRUPTED:         Recovery(A.RESUME, 0, 0.0, True, "Nothing to do: a runner resumes from the last checkpoint automatically."),
    K.NODE_LOST:           Recovery(A.RESUME, 0, 0.0, True, "Nothing to do: the run goes on from its last checkpoint at another node."),
    # Never fails a run: retried for as long as it is queued, with waits that double (in the supervisor).
    K.NOT_PLACED:          Recovery(A.WAIT, 0, 5.0, True, f"Nothing is lost: the run waits until a node can take it; `{NAME} doctor --ray` asks every node."),
    # Never fails a run either: no stage is at fault, and nothing can be recorded before the store answers again.
    K.STORE_GONE:          Recovery(A.RESUME, 0, 5.0, True, "Check the database server and the way to it; the run goes on from its last checkpoint when it answers."),
    K.CHECKPOINTS_MISSING:           Recovery(A.REDO, 0, 0.0, True, "Pause the run, start the runner with the DATA_DIR that holds the checkpoints or copy the run's folder here, then resume."),
    K.ARTIFACT_STORE:             Recovery(A.WAIT, 5, 2.0, True, f"Check ARTIFACTS, its credentials and that it answers (`{NAME} doctor`), then resume the run; what is finished is in its folder here."),
    K.REPLY_NOT_STORED:           Recovery(A.GIVE_UP, 0, 0.0, True, "Use the settings of the run that the replies are from, or leave --from-replies out."),
    K.PRICE_FILE:                 Recovery(A.GIVE_UP, 0, 0.0, True, "Correct the price file in the data folder or remove it, then retry the run."),
    K.BATCH_REFUSED:       Recovery(A.GIVE_UP, 0, 0.0, True, "Follow the endpoint's own words and retry the run, or launch it without --teacher-batch."),
    K.UNEXPECTED:                 Recovery(A.GIVE_UP, 0, 0.0, True, "Unexpected error: the traceback is stored with the run; please report it."),
}

# Errors of Python and torch, by class name along the MRO, so that no library has to be imported to recognise them.
_KIND_OF_FOREIGN = {"OutOfMemoryError": K.OUT_OF_MEMORY, "MemoryError": K.OUT_OF_MEMORY, "KeyboardInterrupt": K.INTERRUPTED}
_KIND_OF_ERRNO = {
    errno.ENOSPC: K.DISK_FULL, errno.EDQUOT: K.DISK_FULL, errno.EIO: K.DISK, errno.EROFS: K.DISK, errno.EACCES: K.DISK,
    errno.EPERM: K.DISK,
}
# SQLite's own messages, whichever exception class carries them.
_KIND_OF_MESSAGE = {"database or disk is full": K.DISK_FULL, "disk I/O error": K.DISK,
                    "attempt to write a readonly database": K.DISK}


def classify_error(error: BaseException) -> ErrorKind:
    """Return the kind of an error; UNEXPECTED if no rule matches."""
    if isinstance(error, OSError) and error.errno in _KIND_OF_ERRNO:
        return _KIND_OF_ERRNO[error.errno]
    for text, kind in _KIND_OF_MESSAGE.items():
        if text in str(error):
            return kind
    own = getattr(error, "error_kind", None)
    if own is not None:
        return ErrorKind(own)
    names = [ancestor.__name__ for ancestor in type(error).__mro__]
    if _server_gone(error, names):
        return K.STORE_GONE
    return next((_KIND_OF_FOREIGN[name] for name in names if name in _KIND_OF_FOREIGN), K.UNEXPECTED)


def _server_gone(error: BaseException, names: list[str]) -> bool:
    """Return whether the store's server could not be reached, or ended the connection: never true of a file.

    The driver's error has no SQLSTATE where the server did not answer; 08 are connections, 57P a server that stops, and
    25P03 a transaction in which nothing happened for too long.
    """
    state = getattr(getattr(error, "orig", None), "sqlstate", "")
    return bool({"OperationalError", "InterfaceError"} & set(names)) and (
        state is None or str(state).startswith(("08", "57P", "25P03")))


def retry_delay(error: BaseException, recovery: Recovery, attempt: int) -> float:
    """Return the seconds to wait before retry number `attempt` (from 1): the server's own value, else doubling."""
    requested = getattr(error, "wait_seconds", None)
    return float(requested) if requested else recovery.wait_seconds * 2 ** (attempt - 1)
