"""A result as HL7 v2.5.1 ORU^R01 in UTF-8: one OBX a number, status by the record's type."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pathology.errors import OutputError
from pathology.exchange.whole_file import write_whole
from pathology.exchange.wire_status import (
    BANNER_EN,
    BANNER_ZH,
    check_obr25,
    check_obx11,
    status_of,
)
from pathology.records.finding import AreaShare, Finding, Measurement, NotMeasurable
from pathology.records.result import StoredResult
from pathology.records.settings.exchange import Code, ExchangeSettings, FindingCode

SEPARATOR: Final = "\r"
ESCAPES: Final = str.maketrans(
    {
        "\\": "\\E\\",
        "|": "\\F\\",
        "^": "\\S\\",
        "&": "\\T\\",
        "~": "\\R\\",
        "\r": "\\X0D\\",
        "\n": "\\X0A\\",
    }
)
NOT_OBTAINED: Final = "X"
"""Table 0085: results cannot be obtained for this observation."""


def escaped(text: str) -> str:
    """``text`` with HL7's own signs escaped (chapter 2.7); line ends too."""
    return text.translate(ESCAPES)


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
        A finding has no code, a number is not finite, or a status is not of HL7's tables.
    """
    at = sent_utc.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")
    case, slide = escaped(result.case_id or ""), escaped(result.slide.id)
    state = check_obr25(status_of(result).hl7_obr25)
    head = f"MSH|^~\\&|PATHOLOGY||||{at}||ORU^R01^ORU_R01|{escaped(control_id)}|P|2.5.1"
    segments = [
        f"{head}||||||UNICODE UTF-8",
        "PID|1||^^^||^",
        f"OBR|1||{slide}|55229-9^Immune stain study^LN|||{at}|||||||||||{case}|||||||{state}",
        f"NTE|1||{escaped(BANNER_EN)}",
        f"NTE|2||{escaped(BANNER_ZH)}",
    ]
    number = 0
    for finding in result.findings:
        for segment in _segments(finding, result, codes):
            number += segment.startswith("OBX|")
            segments.append(segment.replace("OBX|#|", f"OBX|{number}|", 1))
    segments.append(f"SPM|1|{slide}||SLD")
    return SEPARATOR.join(segments) + SEPARATOR


def _segments(finding: Finding, result: StoredResult, codes: ExchangeSettings) -> Iterator[str]:
    known = codes.findings.get(finding.name)
    if known is None:
        raise OutputError(
            f"{finding.name}: exchange.toml has no code for it. Add one under [findings]"
        )
    state = check_obx11(status_of(result).hl7_obx11)
    if isinstance(finding.answer, NotMeasurable):
        text = f"not measurable: {finding.answer.reason}"
        refused = check_obx11(NOT_OBTAINED)
        yield f"OBX|#|ST|{_code(known.code)}|{escaped(finding.id)}|{escaped(text)}||||||{refused}"
    else:
        for part, value, unit in _numbers(finding, known):
            yield _obx(known.code, f"{finding.id}.{part}", _number(value), unit, state)
    for place, note in enumerate((finding.protocol, *finding.caveats), start=1):
        yield f"NTE|{place}||{escaped(note)}"


def _obx(code: Code, sub_id: str, value: str, unit: str, state: str) -> str:
    return f"OBX|#|NM|{_code(code)}|{escaped(sub_id)}|{value}|{escaped(unit)}|||||{state}"


def _code(code: Code) -> str:
    return "^".join(escaped(part) for part in (code.value, code.meaning, code.scheme))


def _numbers(finding: Finding, known: FindingCode) -> Iterator[tuple[str, float, str]]:
    """Value, bounds and counts; shares leave as per cent."""
    answer = finding.answer
    if isinstance(answer, NotMeasurable):
        return
    if isinstance(answer, Measurement):
        yield "value", answer.value, known.unit
        if answer.low is not None and answer.high is not None:
            yield "low", answer.low, known.unit
            yield "high", answer.high, known.unit
        return
    yield "value", 100 * answer.value, "%"
    yield "low", 100 * answer.low, "%"
    yield "high", 100 * answer.high, "%"
    if isinstance(answer, AreaShare):
        yield "part", answer.part_um2, "um2"
        yield "whole", answer.whole_um2, "um2"
    else:
        yield "part", answer.part, "{nuclei}"
        yield "whole", answer.whole, "{nuclei}"


def _number(value: float) -> str:
    """A number of type NM: digits, sign and point only."""
    if not math.isfinite(value):
        raise OutputError("a number is not finite. Nothing was written")
    return str(value) if isinstance(value, int) else f"{value:.10f}".rstrip("0").rstrip(".")
