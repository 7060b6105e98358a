"""The error of exports."""


class CannotExport(Exception):
    """There is nothing to export, or it cannot be written; the message says what to do."""
