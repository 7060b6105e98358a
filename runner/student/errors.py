"""What can go wrong with a student model, as types.

    StudentError
    |- ModelLoadFailed       the model, or the package that ships it, cannot be had
    |  '- ModelUnusable      what stands there is no model that can be read safely, in whatever precision it is tried
    |- AdapterLoadFailed     a saved adapter is missing, damaged, or made for another model
    |- TrainingFailed        training ran, but what it left is no use (the loss is not a number ...)
    '- OutOfMemory           memory ran out on the way; that nothing fits to begin with is `runner/hardware`'s word

Every message names the value at fault and the way out, for it is shown to people as it stands.
"""

from __future__ import annotations


class StudentError(Exception):
    """Anything that a student could not do."""


class ModelLoadFailed(StudentError):
    """The student (or judge) model cannot be loaded."""
    error_kind = "model loading"


class ModelUnusable(ModelLoadFailed):
    """What was named is no usable model: trying again with other settings would find the same."""
    error_kind = "model unusable"


class AdapterLoadFailed(StudentError):
    """An adapter folder cannot be used with this student."""
    error_kind = "adapter unusable"


class TrainingFailed(StudentError):
    """Fine-tuning came to no usable end."""
    error_kind = "training failure"


class OutOfMemory(StudentError):
    """There is not enough memory for what was asked."""
    error_kind = "out of memory"


def in_short(error: BaseException) -> str:
    """Two lines of a library's error: where the first only says that something is wrong, the second says what."""
    return " ".join(" ".join(str(error).strip().splitlines()[:2]).split())[:300] or type(error).__name__
