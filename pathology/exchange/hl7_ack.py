"""What a receiver answers to an HL7 message: taken, refused, or nothing that can be relied on."""

from __future__ import annotations

from typing import Final, Literal

from pathology.exchange.hl7_segments import messages_in
from pathology.records.incoming import NotUnderstood

Acknowledged = Literal["taken", "error", "rejected"]
CODES: Final[dict[str, Acknowledged]] = {
    "AA": "taken",
    "CA": "taken",
    "AE": "error",
    "CE": "error",
    "AR": "rejected",
    "CR": "rejected",
}
"""HL7 2.5.1, table 0008. "rejected" is for reasons that pass (2.9.2: a system that is down)."""


def acknowledged(answer: bytes, control_id: str) -> Acknowledged:
    """What the answer says of the message with this control id.

    Raises
    ------
    NotUnderstood
        It is no acknowledgement, of another message, or in words of no table: whether the message
        was taken is not known.
    """
    messages = list(messages_in(answer, "UTF-8"))
    if len(messages) != 1 or isinstance(messages[0], NotUnderstood):
        raise NotUnderstood("not-a-message", detail="no single acknowledgement")
    found = [segment for segment in messages[0] if segment.name == "MSA"]
    if len(found) != 1:
        raise NotUnderstood("not-a-message", detail="no MSA segment")
    if found[0].value(2) != control_id:
        raise NotUnderstood("not-a-message", detail="it acknowledges another message")
    code = CODES.get(found[0].value(1))
    if code is None:
        raise NotUnderstood("not-a-message", detail="MSA-1 is no code of table 0008")
    return code
