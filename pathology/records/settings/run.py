"""All settings of a run, joined."""

from __future__ import annotations

from dataclasses import dataclass

from pathology.records.settings.access import AccessSettings
from pathology.records.settings.deciding import DecidingSettings
from pathology.records.settings.exchange import ExchangeSettings
from pathology.records.settings.infiltration import InfiltrationSettings
from pathology.records.settings.ki67 import Ki67Settings
from pathology.records.settings.knowledge import KnowledgeSettings
from pathology.records.settings.ledger import ArchiveSettings
from pathology.records.settings.llm import LlmSettings
from pathology.records.settings.predictions import PredictionSettings
from pathology.records.settings.review import ReviewSettings
from pathology.records.settings.site import SiteSettings
from pathology.records.settings.tiles import TilesSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """One record a file in the settings folder."""

    site: SiteSettings
    tiles: TilesSettings
    predictions: PredictionSettings
    ki67: Ki67Settings
    infiltration: InfiltrationSettings
    exchange: ExchangeSettings
    ledger: ArchiveSettings
    llm: LlmSettings
    knowledge: KnowledgeSettings
    review: ReviewSettings
    deciding: DecidingSettings
    access: AccessSettings
