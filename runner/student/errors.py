"""Exceptions raised for student models.

    StudentError
    |- ModelLoadFailed       the model, or the package that ships it, is missing or cannot be loaded
    |  '- ModelUnusable      not a model that can be read safely, whatever the precision
    |- AdapterLoadFailed     a saved adapter is missing, damaged, or made for another model
    |- TrainingFailed        training gave no usable result (for example a loss of NaN)
    '- OutOfMemory           memory ran out while working; `hardware.InsufficientMemory`: no plan fits to begin with

Every message names the offending value and what to do, because it is shown to users unchanged.
"""

from __future__ import annotations


class StudentError(Exception):
    """Base class of all student errors."""


class ModelLoadFailed(StudentError):
    """The student (or judge) model cannot be loaded."""
    error_kind = "model loading"


class ModelUnusable(ModelLoadFailed):
    """The named source is not a usable model; other settings would not help."""
    error_kind = "model unusable"


class AdapterLoadFailed(StudentError):
    """An adapter folder cannot be used with this student."""
    error_kind = "adapter unusable"


class TrainingFailed(StudentError):
    """Fine-tuning gave no usable adapter."""
    error_kind = "training failure"


class OutOfMemory(StudentError):
    """Memory ran out during an operation."""
    error_kind = "out of memory"


def in_short(error: BaseException) -> str:
    """The first two lines of a library's error on one line: often only the second names the cause."""
    return " ".join(" ".join(str(error).strip().splitlines()[:2]).split())[:300] or type(error).__name__
