"""A signed report as HL7 v2.5.1 ORU^R01: status F, or C for an amendment, by the record's type.

The same version to the same destination is the same bytes under the same control id, so that a
receiver that was asked again after a lost acknowledgement knows the repeat.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from pathology.exchange.hl7_message import SEPARATOR, escaped, number_text, segment_text
from pathology.exchange.signed_numbers import (
    SignedNumber,
    content_sha256,
    message_id,
    signed_numbers,
)
from pathology.exchange.wire_status import check_obr25, check_obx11, signed_status
from pathology.records.settings.exchange import Code, ExchangeSettings
from pathology.records.signed_report import SignedReport

REPORT = Code(value="60568-3", scheme="LN", meaning="Pathology Synoptic report")
NOT_OBTAINED = "X"


def signed_oru(report: SignedReport, codes: ExchangeSettings, destination: str) -> str:
    """The message, segments ended by carriage returns.

    Raises
    ------
    OutputError
        As ``signed_numbers``, or a number is too long for HL7.
    TypeError
        The record is of another type than ``SignedReport``.
    """
    status = signed_status(report)
    at = datetime.fromisoformat(report.signature.signed_utc).astimezone(UTC)
    moment = at.strftime("%Y%m%d%H%M%S+0000")
    head = f"MSH|^~\\&|PATHOLOGY||||{moment}||ORU^R01^ORU_R01|{message_id(report, destination)}"
    segments = [
        f"{head}|P|2.5.1||||||UNICODE UTF-8",
        "PID|1||^^^||^",  # asked for by receivers; the accession number names the patient there
        segment_text(
            "OBR",
            {
                1: "1",
                3: f"{escaped(f'{report.case}-v{report.version}')}^PATHOLOGY",
                4: _code(REPORT),
                7: moment,
                18: escaped(report.case_id),
                22: moment,
                25: check_obr25(status.hl7_obr25),
                32: f"&{escaped(report.signature.printed_name)}",
            },
        ),
        *_notes(report),
    ]
    rows = [*_texts(report), *(_finding(n) for n in signed_numbers(report, codes))]
    word = check_obx11(status.hl7_obx11)
    for number, row in enumerate(rows, start=1):
        segments.append(segment_text("OBX", {11: word, 14: moment, **row, 1: str(number)}))
    return SEPARATOR.join(segments) + SEPARATOR


def _notes(report: SignedReport) -> Iterator[str]:
    told = [
        f"signed: {report.signature.printed_name}, {report.signature.meaning}, "
        f"{report.signature.signed_utc}",
        f"version {report.version}, content sha256 {content_sha256(report)}",
        f"software: {report.software}; AI-assisted, verified by the physician who signed",
    ]
    if report.amends is not None:
        told.append(f"amends version {report.amends}: {report.amendment_reason}")
    for number, text in enumerate(told, start=1):
        yield f"NTE|{number}||{escaped(text)}"


def _texts(report: SignedReport) -> Iterator[dict[int, str]]:
    for section in report.sections:
        heading = report.headings.get(section.id)
        for language, sentences in (("en", section.en), ("zh", section.zh)):
            if not sentences:
                continue
            name = section.id if heading is None else heading.told("en")
            yield {
                2: "TX",
                3: f"{escaped(section.id)}^{escaped(name)}^99PATH",
                4: f"{escaped(section.id)}.{language}",
                5: escaped(" ".join(sentences) if language == "en" else "".join(sentences)),
            }


def _finding(number: SignedNumber) -> dict[int, str]:
    finding, known = number.finding, number.known
    name = f"{_code(known.code)}^{escaped(finding.name)}^{escaped(known.zh)}^L"
    sub_id = escaped(f"{finding.result_id}.{finding.finding_id}")
    if number.value is None:
        return {2: "ST", 3: name, 4: sub_id, 5: escaped(number.note), 11: NOT_OBTAINED}
    return {
        2: "NM",
        3: name,
        4: sub_id,
        5: number_text(number.value),
        6: escaped(known.unit),
        17: f"^{escaped(number.note)}",
    }


def _code(code: Code) -> str:
    return "^".join(escaped(part) for part in (code.value, code.meaning, code.scheme))
