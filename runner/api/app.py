"""Build the app of the REST interface from its parts."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse

from runner.api.access import RateLimit
from runner.api.body_limit import BodyLimit
from runner.api.context import ApiContext
from runner.api.problems import Problem, add_handlers
from runner.api.reference_page import reference_page
from runner.api.routes import events, results, runs, system
from store.program_name import as_called

VERSION = "1"
DESCRIPTION = """Launch and follow distillation runs, and read what they measured.

Errors are problem+json with the sentences of the command line. A list has `next`, the cursor of its next page. Commands
take the header `Idempotency-Key`. What a token may do is its scope: view reads, operate also launches and controls."""


def create_app(context: ApiContext) -> FastAPI:
    """Return the app; `python -m runner api` serves it."""
    app = FastAPI(title="distill", version=VERSION, description=DESCRIPTION, docs_url=None, redoc_url=None,
                  generate_unique_id_function=lambda route: route.name)
    app.state.context = context
    app.state.rate_limit = RateLimit(context.requests_per_second)
    for part in (runs, results, events, system):
        app.include_router(part.router)
    app.add_middleware(BodyLimit)
    add_handlers(app)
    app.openapi = lambda: openapi_document(app)  # type: ignore[method-assign]

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(reference_page(app.openapi()))

    return app


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document, with the schema of errors that all paths refer to."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes,
                               openapi_version="3.1.0")
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        for operation in (one for methods in document["paths"].values() for one in methods.values()):
            operation["security"] = [*operation.get("security", ()), {}]  # programs of this machine need no token
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        app.openapi_schema = json.loads(as_called(json.dumps(document)))
    return app.openapi_schema
