"""The page's addresses as an OpenAPI document, made from the table of addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from pathology import __version__
from pathology.review.answers import BYTES
from pathology.review.route_table import ROUTES, Rule

PARAMETER: Final = re.compile(r"\{(\w+)(?::(\w+))?\}")


def openapi_document(rules: Iterable[Rule] = ROUTES) -> dict[str, Any]:
    """OpenAPI 3.1; ``x-act`` is what an account must be allowed to do there."""
    paths: dict[str, dict[str, Any]] = {}
    for rule in rules:
        path = PARAMETER.sub(r"{\1}", rule.path)
        paths.setdefault(path, {})[rule.method.lower()] = _operation(rule)
    info = {"title": "pathology review", "version": __version__}
    return {"openapi": "3.1.0", "info": info, "paths": paths}


def _operation(rule: Rule) -> dict[str, Any]:
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer" if kind == "int" else "string"},
        }
        for name, kind in PARAMETER.findall(rule.path)
    ]
    told: dict[str, Any] = {
        "parameters": parameters,
        "responses": {"default": {"description": "an answer, or a refusal with its code"}},
        "x-act": rule.act,
    }
    if rule.method == "POST":
        content: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
        if rule.file:
            content = {BYTES: {"schema": {"type": "string", "format": "binary"}}}
        told["requestBody"] = {"required": True, "content": content}
    return told
