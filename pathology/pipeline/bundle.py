"""Cases for another hospital's eyes: results, slides without identity and a draft, sealed for it.

Only results that go by pseudonyms leave: in others a file's name stands in too many places.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pathology.errors import UsageError, VaultError
from pathology.exchange.documents import read_json, write_json
from pathology.exchange.packed_files import packed, unpacked
from pathology.exchange.stored_result import read_result
from pathology.knowledge.identity_check import suspects
from pathology.pipeline import identity
from pathology.pipeline.aside import file_aside, folder_aside
from pathology.pipeline.bundle_cuts import Cut, cut_regions
from pathology.pipeline.deidentify import deidentify, known_as
from pathology.records.settings.site import PrivacySettings
from pathology.slides.find import files_of
from pathology.vault.sealed_bundle import Kind, bundle_sha256, open_bundle, seal_bundle
from pathology.vault.site_keys import PublicKeys, SiteKeys

PSEUDONYM: Final = re.compile(r"P[0-9a-f]{16}")
RESULT_FILES: Final = ("findings.json", "run.json", "cells.parquet", "regions.geojson", "maps.zarr")
"""Without the picture: words are painted into it."""
SOFTWARE: Final = "software"
A_READER: Final = "reader"
"""Who corrected a result is an account of this site, and stays here; that somebody did is told."""
SAFE_SUFFIX: Final = re.compile(r"(\.ome)?\.(svs|tif|tiff)")


def fresh_bundle_id() -> str:
    """A name that no other bundle has."""
    return "B" + secrets.token_hex(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleOrder:
    """What to send."""

    results: Sequence[Path]
    slides: Sequence[Path]  # none: results alone
    report: Path | None = None  # a draft's report-vN.json
    question: str = ""
    cuts: Sequence[Cut] = ()  # regions, of slides that do not go whole
    sections: Sequence[Mapping[str, Any]] | None = None  # a draft's text, where no report is given
    bundle_id: str = field(default_factory=fresh_bundle_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A bundle that stands."""

    bundle_id: str
    sha256: str
    recipient: str  # fingerprint
    slides: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A bundle that proved whole and its sender's."""

    bundle_id: str
    sender: str  # fingerprint
    question: str
    results: tuple[str, ...]


def make_bundle(order: BundleOrder, keys: SiteKeys, recipient: PublicKeys, out: Path) -> Made:
    """Write the bundle; whole or absent.

    Raises
    ------
    UsageError
        A result does not go by a pseudonym, a slide is of none of them, a text seems to name
        somebody.
    ValueError
        A region lies beside its slide.
    SlideUnreadable
        A slide cannot be had without identity.
    OutputError, VaultError
        It cannot be written or sealed.
    """
    with file_aside(out) as sealed:
        content = sealed.with_name("content")
        copies = _slides(order, content / "slides")
        for result in order.results:
            _take_result(result, content / "results", copies)
        about = {
            "bundle_id": order.bundle_id,
            "from": keys.public.fingerprint,
            "question": _checked_text(order.question),
            "draft": order.sections if order.report is None else _draft(order.report),
        }
        files = {p.relative_to(content).as_posix(): p for p in _files(content)}
        seal_bundle(packed(files, about), sealed, keys, recipient, "question")
    return Made(
        bundle_id=order.bundle_id,
        sha256=bundle_sha256(out),
        recipient=recipient.fingerprint,
        slides=len(copies),
    )


def read_bundle(
    source: Path, folder: Path, keys: SiteKeys, sender: PublicKeys, kind: Kind
) -> dict[str, Any]:
    """Unpack a bundle into an empty folder; what it says of itself.

    Raises
    ------
    VaultError
        It is not the sender's, not for this site, or damaged.
    UsageError
        What is inside is not as its list says, or leads elsewhere.
    """
    try:
        with source.open("rb") as file:
            about = dict(unpacked(open_bundle(file, keys, sender, kind), folder))
    except OSError as cause:
        raise VaultError(f"the bundle cannot be read or unpacked ({cause.strerror})") from cause
    if about.get("from") != sender.fingerprint:  # signed by one who only passed it on
        raise VaultError("the bundle was made by another site than the one that signed it")
    return about


def open_question(
    source: Path, out: Path, keys: SiteKeys, sender: PublicKeys, privacy: PrivacySettings
) -> Opened:
    """Lay a bundle out as results and slides that the review page shows; ``out`` must be free.

    Raises
    ------
    VaultError, UsageError
        As ``read_bundle``; nothing is at ``out`` then.
    """
    with folder_aside(out) as aside:
        about = read_bundle(source, aside, keys, sender, "question")
        names = tuple(_rename(aside, result, privacy) for result in _results(aside))
        told = {**about, "schema": "pathology.bundle-opened/1", "sender": sender.fingerprint}
        told["sender_keys"] = json.loads(sender.document())
        (aside / "bundle.json").write_text(json.dumps(told, ensure_ascii=False), "utf-8")
    return Opened(
        bundle_id=str(about.get("bundle_id")),
        sender=sender.fingerprint,
        question=str(about.get("question", "")),
        results=names,
    )


def _slides(order: BundleOrder, folder: Path) -> dict[str, Path]:
    """Copies of slides and regions in ``folder``, by the id that results call them by."""
    found = {}
    for slide in order.slides:
        name = _slide_id(slide, order.results)
        found[name] = _copy(slide, folder, name)
    for cut in order.cuts:
        name = _slide_id(cut.slide, order.results)
        stored = next(r for r in map(read_result, order.results) if r.slide.id == name)
        found[name] = folder / name
        cut_regions(cut, stored, found[name])
    return found


def _slide_id(slide: Path, results: Sequence[Path]) -> str:
    digest = identity.content_digest(files_of(slide))
    found = {r.slide.id for r in map(read_result, results) if r.slide.digest == digest}
    if len(found) != 1:
        raise UsageError("a slide that none of the results was made from: it is not sent")
    return found.pop()


def _copy(slide: Path, folder: Path, name: str) -> Path:
    suffix = "".join(slide.suffixes[-2:]).lower()
    if not SAFE_SUFFIX.fullmatch(suffix):
        suffix = slide.suffix.lower() if SAFE_SUFFIX.fullmatch(slide.suffix.lower()) else ""
    copy = folder / f"{name}{suffix}"
    deidentify(slide, copy, name)
    return copy


def _take_result(result: Path, folder: Path, copies: dict[str, Path]) -> None:
    """The files of a result, its case left out, the digest that of the copy."""
    stored = read_result(result)
    known = PSEUDONYM.fullmatch(stored.slide.id) and stored.result_id.startswith(stored.slide.id)
    if not known or stored.slide.file is not None:
        raise UsageError(
            "a result goes by its file's name: analyse the slide anew with [privacy] pseudonyms"
        )
    place = folder / stored.result_id
    place.mkdir(parents=True)
    for name in RESULT_FILES[2:]:
        source = result / name
        if source.is_dir():
            shutil.copytree(source, place / name)
        elif source.exists():
            shutil.copyfile(source, place / name)
    copy = copies.get(stored.slide.id)
    digest = None if copy is None else identity.content_digest(files_of(copy))
    findings, run = (dict(read_json(result / name)) for name in RESULT_FILES[:2])
    findings["case_id"], findings["supersedes"] = None, None
    if findings["author"] != SOFTWARE:
        findings["author"] = A_READER
    for told in (findings, run):
        told["slide"] = {**told["slide"], "digest": digest or told["slide"]["digest"]}
    write_json(place / "findings.json", findings, "findings-1")
    write_json(place / "run.json", run, "run-1")


def _draft(report: Path) -> list[dict[str, Any]]:
    """The sections of a draft, if they name nobody."""
    told = read_json(report, called="the draft")
    sections = told.get("sections") if isinstance(told, dict) else None
    if not isinstance(sections, list):
        raise UsageError("the draft has no sections: give a report-vN.json")
    kept = [{name: section.get(name) for name in ("id", "en", "zh")} for section in sections]
    for section in kept:
        for sentence in [*(section["en"] or ()), *(section["zh"] or ())]:
            _checked_text(str(sentence))
    return kept


def _checked_text(text: str) -> str:
    if found := suspects(text, is_case=True):
        kinds = ", ".join(sorted({one.kind for one in found}))
        raise UsageError(f"a text seems to name somebody ({kinds}): it is not sent. Change it")
    return text


def _files(folder: Path) -> Iterator[Path]:
    return (p for p in sorted(folder.rglob("*")) if p.is_file())


def _results(folder: Path) -> list[Path]:
    return sorted(p.parent for p in (folder / "results").rglob("findings.json"))


def _rename(folder: Path, result: Path, privacy: PrivacySettings) -> str:
    """A result under the id that its slide has in this house; the result's new id."""
    stored = read_result(result)
    slides = sorted(folder.glob(f"slides/{stored.slide.id}*"))
    if not PSEUDONYM.fullmatch(stored.slide.id) or result.parent.name != stored.slide.id:
        raise UsageError("a result in the bundle is not where its slide's id says")
    if len(slides) != 1:
        return stored.result_id
    name = known_as(slides[0], privacy)
    place = folder / "results" / name / result.name
    place.parent.mkdir(exist_ok=True)
    result.rename(place)
    for file, schema in (("findings.json", "findings-1"), ("run.json", "run-1")):
        told = dict(read_json(place / file))
        told["result_id"] = f"{name}/{result.name}"
        told["slide"] = {**told["slide"], "id": name}
        write_json(place / file, told, schema)  # type: ignore[arg-type]
    if not any(result.parent.iterdir()):
        result.parent.rmdir()
    return f"{name}/{result.name}"
