"""Settings of who gets in, for tests: the cheapest Argon2id that the settings allow."""

from __future__ import annotations

from dataclasses import replace

from pathology.pipeline.settings import load_settings
from pathology.records.settings.access import AccessSettings

SHIPPED = load_settings().access
RULES: AccessSettings = replace(
    SHIPPED, passwords=replace(SHIPPED.passwords, memory_kib=19456, passes=2, lanes=1)
)
PASSWORD = "three brown nuclei of ten"  # noqa: S105
OTHER = "nine mitoses in two fields"
