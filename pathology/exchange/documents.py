"""JSON documents of the contract: checked against their schemas, then written whole."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

import jsonschema

from pathology.errors import OutputError, UsageError
from pathology.exchange.whole_file import write_whole

DocumentName = Literal[
    "findings-1", "run-1", "regions-1", "night-1", "case-1", "draft-1", "signed-1", "correction-1"
]
LARGEST_BYTES: Final = 256 * 2**20  # a document beyond this is no result of ours
FAULTS_TOLD: Final = 3
FAULT_LENGTH: Final = 200  # a message may repeat the whole document


@cache
def _validator(name: DocumentName) -> jsonschema.protocols.Validator:
    text = files("pathology.exchange").joinpath(f"schemas/{name}.json").read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(json.loads(text))


def faults(document: Mapping[str, Any], name: DocumentName) -> tuple[str, ...]:
    """What keeps ``document`` from being what the contract says; empty when nothing does."""
    found = sorted(_validator(name).iter_errors(document), key=lambda e: list(map(str, e.path)))
    wrong = [f"{'/'.join(map(str, e.path)) or 'document'}: {_short(e.message)}" for e in found]
    if not wrong and name == "findings-1":
        wrong = _contradictions(document["findings"])
    return tuple(wrong)


def _short(message: str) -> str:
    return message if len(message) <= FAULT_LENGTH else f"{message[:FAULT_LENGTH]}..."


def _contradictions(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """What no schema can see: numbers that disagree, an id that stands twice."""
    wrong = []
    if len({f["id"] for f in findings}) != len(findings):
        wrong.append("findings: an id stands twice")
    for finding in findings:
        name = finding["id"]
        if "value" not in finding:
            continue
        value: float = finding["value"]
        if "low" in finding and not finding["low"] <= value <= finding["high"]:
            wrong.append(f"findings/{name}: the value lies outside its interval")
        if "part" in finding and not math.isclose(value, _share(finding), abs_tol=1e-12):
            wrong.append(f"findings/{name}: the value is not part / whole")
    return wrong


def _share(finding: Mapping[str, Any]) -> float:
    """The share that a finding's integers, or those of its weighted fields, say."""
    fields = finding.get("fields", ())
    if fields:
        return float(sum(f["weight"] * f["part"] / f["whole"] for f in fields))
    return float(finding["part"] / finding["whole"])


def validate(document: Mapping[str, Any], name: DocumentName) -> None:
    """Raise OutputError, with the first faults, unless ``document`` keeps to its schema."""
    if wrong := faults(document, name):
        raise OutputError(f"{name}: not as the contract says: {'; '.join(wrong[:FAULTS_TOLD])}")


def write_json(path: Path, document: Mapping[str, Any], name: DocumentName) -> None:
    """``document`` as UTF-8 JSON in the order of its keys, once it is found to keep to its schema.

    Raises
    ------
    OutputError
        The document breaks the contract, a number is not finite, or the file cannot be written.
    """
    plain = plain_values(document)
    validate(plain, name)
    try:
        text = json.dumps(plain, ensure_ascii=False, allow_nan=False, indent=1)
    except ValueError as cause:
        raise OutputError(f"{path.name}: holds a number that is not finite") from cause
    write_whole(path, text.encode("utf-8") + b"\n")


def plain_values(value: Any) -> Any:
    """Read-only tables and tuples as the dicts and lists that JSON knows."""
    if isinstance(value, Mapping):
        return {str(k): plain_values(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_values(v) for v in value]
    return value


def read_json(path: Path, *, called: str | None = None) -> Any:
    """What a JSON file holds; numbers that are not finite are refused.

    ``called`` stands for the file's name in messages.

    Raises
    ------
    UsageError
        No such file, too large, or no JSON. The message names the file, not where it lies.
    """
    name = called or path.name
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise UsageError(f"{name}: is larger than {LARGEST_BYTES // 2**20} MiB")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as cause:
        raise UsageError(f"{name}: cannot be read ({cause.strerror})") from cause
    except UnicodeDecodeError as cause:
        raise UsageError(f"{name}: is no JSON text (UTF-8)") from cause
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as cause:
        raise UsageError(f"{name}: is no valid JSON ({cause})") from cause


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no number")
