"""A result as HL7 v2.5.1 ORU^R01 in UTF-8: one OBX a number, status by the record's type.

Only the value of a finding goes under the finding's own code. Bounds and counts have codes of
theirs (``wire_numbers.PARTS``): receivers file by OBX-3 and may never look at OBX-4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pathology.errors import OutputError
from pathology.exchange.whole_file import write_whole
from pathology.exchange.wire_numbers import WireNumber, clean, notes_of, numbers_of
from pathology.exchange.wire_status import (
    BANNER_EN,
    BANNER_ZH,
    check_obr25,
    check_obx11,
    status_of,
)
from pathology.records.finding import Finding, NotMeasurable
from pathology.records.result import Analysis, StoredResult
from pathology.records.settings.exchange import Code, ExchangeSettings, FindingCode

SEPARATOR: Final = "\r"
ESCAPES: Final = str.maketrans(
    {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\n": "\\X0A\\"}
)
NOT_OBTAINED: Final = "X"
"""Table 0085: results cannot be obtained for this observation."""

STUDIES: Final[Mapping[Analysis, Code]] = {
    "ki67": Code(value="55229-9", scheme="LN", meaning="Immune stain study"),
    "infiltration": Code(value="11526-1", scheme="LN", meaning="Pathology study"),
}
VALUE_TYPES: Final = frozenset({"NM", "ST"})
NUMERIC: Final = re.compile(r"[+-]?\d+(\.\d+)?")
LONGEST_NUMBER: Final = 16  # of type NM, chapter 2A
LONGEST_CONTROL_ID: Final = 20  # MSH-10
DECIMALS: Final = 10


def escaped(text: str) -> str:
    """``text`` with HL7's own signs escaped (chapter 2.7), and line ends as hexadecimal 0A."""
    return clean(text).translate(ESCAPES)


def write_hl7(
    path: Path,
    result: StoredResult,
    codes: ExchangeSettings,
    *,
    control_id: str,
    sent_utc: datetime,
) -> None:
    """The message as a file; segments end in carriage returns, as they do on the wire."""
    message = oru_r01(result, codes, control_id=control_id, sent_utc=sent_utc)
    write_whole(path, message.encode("utf-8"))


def oru_r01(
    result: StoredResult, codes: ExchangeSettings, *, control_id: str, sent_utc: datetime
) -> str:
    """The message; every finding has an OBX with its number, or one that says why there is none.

    Raises
    ------
    OutputError
        A finding has no code or another unit than the settings say, a number is not finite or too
        long, a time names no zone, ``control_id`` is empty or longer than 20, or a status is not
        of HL7's tables.
    """
    if not 0 < len(escaped(control_id)) <= LONGEST_CONTROL_ID:
        raise OutputError(f"a control id has 1 to {LONGEST_CONTROL_ID} signs. Nothing was written")
    at, slide = _time(sent_utc), escaped(result.slide.id)
    head = f"MSH|^~\\&|PATHOLOGY||||{at}||ORU^R01^ORU_R01|{escaped(control_id)}|P|2.5.1"
    segments = [
        f"{head}||||||UNICODE UTF-8",
        "PID|1||^^^||^",  # asked for by receivers; no patient is known here
        _order(result, at),
        *_notes((BANNER_EN, BANNER_ZH, *_about(result))),
    ]
    number = 0
    for finding in result.findings:
        for segment in _segments(finding, result, codes):
            number += segment.startswith("OBX|")
            segments.append(segment.replace("OBX|#|", f"OBX|{number}|", 1))
    segments.append(f"SPM|1|{slide}||TISS^Tissue^HL70487")
    _check(segments)
    return SEPARATOR.join(segments) + SEPARATOR


def _time(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise OutputError("a time names no time zone. Nothing was written")
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")


def _started(result: StoredResult) -> str:
    try:
        return _time(datetime.fromisoformat(result.started_utc))
    except ValueError as cause:
        raise OutputError("run.json: no time of its start. Run the analysis again") from cause


def segment_text(name: str, fields: Mapping[int, str]) -> str:
    """A segment of fields by their numbers, already escaped."""
    return "|".join([name, *(fields.get(i, "") for i in range(1, max(fields) + 1))])


def _order(result: StoredResult, at: str) -> str:
    """OBR. The result has a number of its own; the case stands where an accession number does."""
    return segment_text(
        "OBR",
        {
            1: "1",
            3: f"{escaped(result.result_id)}^PATHOLOGY",
            4: _code(STUDIES[result.analysis]),
            7: _started(result),
            18: escaped(result.case_id or ""),
            22: at,
            25: status_of(result).hl7_obr25,
        },
    )


def _about(result: StoredResult) -> Iterator[str]:
    yield f"software: {result.software}"
    for model in result.models:
        yield f"model: {model.name} sha256 {model.weights_sha256 or 'none'}"
    if result.quality.flags:
        yield f"quality: {', '.join(result.quality.flags)}"


def _segments(finding: Finding, result: StoredResult, codes: ExchangeSettings) -> Iterator[str]:
    """The OBX of the value and what people must read with it, then the numbers beside it."""
    known = codes.findings.get(finding.name)
    if known is None:
        raise OutputError(
            f"{finding.name}: exchange.toml has no code for it. Add one under [findings]"
        )
    analysed = {
        17: f"^{escaped(f'{finding.protocol} ({finding.formula})')}",
        19: _started(result),
    }
    shared = {11: status_of(result).hl7_obx11, **analysed}
    notes = _notes((finding.protocol, *notes_of(finding)))
    if isinstance(finding.answer, NotMeasurable):
        text = f"not measurable: {finding.answer.reason}"
        what = {2: "ST", 3: _named(finding, known), 4: escaped(finding.id), 5: escaped(text)}
        yield segment_text("OBX", {1: "#", **what, **analysed, 11: NOT_OBTAINED})
        yield from notes
        return
    value, *beside = numbers_of(finding, known)
    yield _obx(value, _named(finding, known), finding, shared)
    yield from notes
    for number in beside:
        yield _obx(number, _code(number.code), finding, shared)


def _obx(number: WireNumber, what: str, finding: Finding, shared: Mapping[int, str]) -> str:
    sub_id = escaped(f"{finding.id}.{number.part}")
    told = {
        1: "#",
        2: "NM",
        3: what,
        4: sub_id,
        5: number_text(number.value),
        6: escaped(number.unit),
    }
    return segment_text("OBX", {**told, **shared})


def _notes(texts: Sequence[str]) -> list[str]:
    told = [text for text in map(escaped, texts) if text]
    return [f"NTE|{place}||{text}" for place, text in enumerate(told, start=1)]


def _code(code: Code) -> str:
    return "^".join(escaped(part) for part in (code.value, code.meaning, code.scheme))


def _named(finding: Finding, known: FindingCode) -> str:
    """The code, and beside it the finding's own name with its Chinese one."""
    return f"{_code(known.code)}^{escaped(finding.name)}^{escaped(known.zh)}^L"


def number_text(value: float) -> str:
    """A number of type NM: digits, sign and point only, 16 signs at most."""
    text = f"{value:.{DECIMALS}f}"
    whole = len(text) - DECIMALS - 1
    if whole > LONGEST_NUMBER:
        raise OutputError(f"{value!r} is too long for a number in HL7. Nothing was written")
    room = max(0, min(DECIMALS, LONGEST_NUMBER - whole - 1))
    text = f"{value:.{room}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _check(segments: Sequence[str]) -> None:
    """The last look at the whole, as a receiver would read it."""
    for segment in segments:
        fields = segment.split("|")
        if fields[0] == "OBR":
            check_obr25(fields[25])
        if fields[0] == "OBX":
            check_obx11(fields[11])
            if fields[2] not in VALUE_TYPES:
                raise OutputError(f"OBX-2: {fields[2]!r} is no type that is sent from here")
            if fields[2] == "NM" and not NUMERIC.fullmatch(fields[5]):
                raise OutputError(f"OBX-5: {fields[5]!r} is no number. Nothing was written")
