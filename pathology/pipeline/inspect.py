"""What a slide is, and which analyses it would be refused for, before anything is run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pathology.errors import SlideError
from pathology.pipeline import identity
from pathology.pipeline.analyse import NEEDED_STAIN
from pathology.pipeline.glance import glance
from pathology.records.result import Analysis
from pathology.records.settings.run import RunSettings
from pathology.records.slide import Scale, SlideFacts, StatedScale
from pathology.records.stain import Stains
from pathology.records.tile import Survey
from pathology.slides.find import files_of
from pathology.slides.open import examine, open_slide


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What is known of a slide, as far as it could be read; ``refused`` says why no further."""

    slide_id: str
    facts: SlideFacts | None = None
    scale: Scale | None = None
    stains: Stains | None = None
    survey: Survey | None = None
    nuclei_visible: bool = False
    refused: SlideError | None = None

    def possible(self) -> tuple[Analysis, ...]:
        """The analyses that would not be refused for the slide's stain or quality."""
        if self.refused is not None or self.stains is None:
            return ()
        return tuple(a for a, stain in NEEDED_STAIN.items() if stain == self.stains.kind)


def inspect(path: Path, settings: RunSettings, said: StatedScale | None) -> Inspection:
    """Look at one slide as ``run`` would, up to its stain; never raises for the slide itself.

    With pseudonyms the slide goes by its own here too: this is how a site that holds the key finds
    out which result is whose.

    Raises
    ------
    ConfigError
        The key of the pseudonyms cannot be used.
    """
    key = identity.pseudonym_key(settings.site.privacy)
    seen = Inspection(slide_id="slide" if key else path.name)
    try:
        digest = identity.content_digest(files_of(path))
        known = identity.pseudonym(digest, key) if key else identity.slide_id(path, digest)
        seen = replace(seen, slide_id=known)
        seen = replace(seen, facts=examine(path, slide_id=seen.slide_id))
        rules = settings.site.scale
        with open_slide(path, slide_id=seen.slide_id, scale=rules, said=said) as slide:
            seen = replace(seen, scale=slide.info.scale)
            first = glance(slide, settings)
            return replace(
                seen, survey=first.survey, stains=first.stains, nuclei_visible=first.nuclei_visible
            )
    except SlideError as problem:
        return replace(seen, refused=problem)
