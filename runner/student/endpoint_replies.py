"""Replies of an endpoint in the form of the OpenAI API. Starlette is imported late: where it is missing, it is said."""

from __future__ import annotations

from runner.student.question_rewriting import App


def json_reply(content: dict[str, object], status: int = 200) -> App:
    """Return what sends a JSON object."""
    from starlette.responses import JSONResponse

    return JSONResponse(content, status)


def error_reply(status: int, message: str, code: str) -> App:
    """Return an error in the form of the OpenAI API."""
    return json_reply({"error": {"message": message, "type": "invalid_request_error", "code": code}}, status)
