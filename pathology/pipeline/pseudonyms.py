"""Names of slides and cases where nobody looks on: pseudonyms always, whatever ``run`` does."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

from pathology.ledger.sealing import Sealing
from pathology.pipeline.archive_places import archive_places
from pathology.pipeline.identity import pseudonym_key
from pathology.records.settings.run import RunSettings
from pathology.records.work import WorkOrder
from pathology.vault.envelope import Vault
from pathology.vault.ring import read_ring

OF_SLIDES: Final = b"slides of results"
"""Makes a key of its own for workers from the ring's: the ring itself never leaves its process."""


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """How slides and cases are called in shared files."""

    slides: bytes = field(repr=False)  # key; workers get it
    _sealing: Sealing = field(repr=False)

    def case(self, order: WorkOrder) -> str | None:
        """The case as the ledger calls it; None where nothing proves whose slide it is."""
        return self._sealing.known_as(order).case


def night_pseudonyms(settings: RunSettings) -> Pseudonyms:
    """The site's own key of pseudonyms where it has one, else one made from the ledger's ring.

    Raises
    ------
    ConfigError, VaultError
        The key cannot be read, or others can read it.
    """
    ring = read_ring(settings.ledger.vault, archive_places(settings.ledger).keys)
    own = pseudonym_key(settings.site.privacy)
    slides = own or hmac.new(ring.pseudonym, OF_SLIDES, hashlib.sha256).digest()
    return Pseudonyms(slides, Sealing(Vault(ring, lambda: ring)))
