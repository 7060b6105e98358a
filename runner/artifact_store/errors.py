"""What goes wrong with an artifact store.

    UserError
      InvalidAddress         the address, or credentials that are missing: nothing was tried
    OSError
      ArtifactStoreError     it does not answer, or does not keep what it was given: trying again may help
        ArtifactStoreDenied  the bucket does not exist, or may not be written: trying again does not help
    Exception
      UnusableObject         an object is missing, incomplete, or not what its name says
"""

from __future__ import annotations

from runner.errors import UserError


class InvalidAddress(UserError):
    """The address of the artifact store cannot be used."""


class ArtifactStoreError(OSError):
    """The artifact store failed."""

    error_kind = "artifact store"
    retryable = True


class ArtifactStoreDenied(ArtifactStoreError):
    """The artifact store refuses, and would refuse again."""

    retryable = False


class UnusableObject(Exception):
    """An object is not there, or its content is not the one that its name states."""
