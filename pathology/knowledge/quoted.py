"""Passages as data for a prompt: between marks that no passage can know."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from pathology.knowledge.deidentify import HIDDEN
from pathology.records.knowledge import Passage


def as_data(passages: Sequence[Passage], *, mark: str = "") -> str:
    """Each passage between ``<<MARK n>>`` and ``<<MARK end>>``, the mark made anew each time.

    A passage cannot end its own quotation, since it was written before the mark was. That does not
    keep a model from obeying what it reads: nothing that it writes is believed for that reason.
    """
    chosen = mark or f"DATA-{secrets.token_hex(8)}"
    blocks = [
        f"<<{chosen} {number}: {passage.provenance.name}, {passage.provenance.version}, "
        f"{passage.place}>>\n{HIDDEN.sub('', passage.text).replace(chosen, '')}\n<<{chosen} end>>"
        for number, passage in enumerate(passages, 1)
    ]
    return "\n".join(blocks)
