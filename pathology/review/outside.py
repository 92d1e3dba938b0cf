"""What the lodge knows of the single sign-on: the provider, and who is on the way to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pathology.records.settings.sign_on import SignOnSettings
from pathology.review.attempts import Attempts
from pathology.review.provider import Provider


@dataclass(frozen=True, slots=True)
class Outside:
    """One provider."""

    provider: Provider
    attempts: Attempts


def outside_of(settings: SignOnSettings, now_s: Callable[[], float]) -> Outside:
    """The single sign-on of these settings; ``now_s`` is Unix time."""
    return Outside(Provider(settings, now_s=now_s), Attempts(settings.attempt_s, now_s))
