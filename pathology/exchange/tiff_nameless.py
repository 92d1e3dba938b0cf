"""A copy of a TIFF slide without identity: its levels alone, tile by tile, under new directories.

Nothing of the old file is edited: a new one is built from what stands on a list, so what lies
between the parts of the old one (or behind its end) does not come along. Memory: one tile and one
directory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pathology.errors import SlideUnreadable
from pathology.exchange.codestream_comments import tables_are_plain, words_in
from pathology.exchange.colour_profile import plain_profile
from pathology.exchange.tiff_directory import (
    Directory,
    Entry,
    Form,
    aligned,
    integers,
    offsets_entry,
    read_chain,
    read_directory,
    read_form,
    text_entry,
    write_directory,
)
from pathology.exchange.tiff_tags import (
    COMPRESSION,
    COUNTS,
    DESCRIPTION,
    HEIGHT,
    JPEG_TABLES,
    KEPT,
    LABEL_WORDS,
    LEFT_OUT,
    MACRO_SUBFILE,
    MOST_VALUES,
    NUMBERS,
    OFFSETS,
    PROFILE,
    SUB_DIRECTORIES,
    SUBFILE,
    TILE_HEIGHT,
    TILE_WIDTH,
    WIDTH,
    WRITTEN,
    description,
)
from pathology.records.nameless import LevelProof, NamelessCopy
from pathology.records.slide import SlideFacts

JPEG, LARGEST_TILE = 7, 2**28


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """The copy that is being made."""

    slide_id: str
    facts: SlideFacts
    form: Form
    source: BinaryIO
    target: BinaryIO

    def refuse(self, detail: str) -> SlideUnreadable:
        return SlideUnreadable(self.slide_id, "identity-stays", {"detail": detail})

    def number(self, directory: Directory, tag: int) -> int:
        entry = directory.get(tag)
        values = () if entry is None else integers(self.form, entry)
        return values[0] if len(values) == 1 else 0


def copy_tiff(source: Path, target: Path, facts: SlideFacts, slide_id: str) -> NamelessCopy:
    """Write ``target``, a file that is not there yet; ``facts`` are what the scan says of itself.

    Raises
    ------
    SlideUnreadable
        "identity-stays": a tag or a tile says something that nobody here understands.
    """
    with source.open("rb") as read, target.open("xb") as write:
        try:
            form, first = read_form(read)
            work = _Work(slide_id=slide_id, facts=facts, form=form, source=read, target=write)
            return _copied(work, read_chain(read, form, first))
        except (ValueError, OverflowError) as cause:
            facts_told = {"detail": f"its directories cannot be followed: {cause}"}
            raise SlideUnreadable(slide_id, "identity-stays", facts_told) from cause


def read_tiff_proofs(path: Path, facts: SlideFacts, slide_id: str) -> tuple[LevelProof, ...]:
    """The proofs of the levels of a file as it lies there, for comparing; raises ValueError."""
    with path.open("rb") as read:
        form, first = read_form(read)
        work = _Work(slide_id=slide_id, facts=facts, form=form, source=read, target=read)
        found: dict[int, LevelProof] = {}
        for directory in read_chain(read, form, first):
            for each in (directory, *_below(work, directory)):
                if (level := _level_of(work, each, found)) is not None:
                    found[level] = _proof(work, level, _stored(work, each, level))
    return tuple(found[level] for level in sorted(found))


def _copied(work: _Work, chain: list[Directory]) -> NamelessCopy:
    form, link_at = work.form, len(work.form.header)
    work.target.write(form.header + form.link.pack(0))
    proofs: dict[int, LevelProof] = {}
    left: list[str] = []
    for directory in chain:
        below = list(_below(work, directory))
        level = _level_of(work, directory, proofs)
        if level is None:
            left.append(_called(work, directory))
            if any(_level_of(work, sub, proofs) is not None for sub in below):
                raise work.refuse("levels lie below a picture that is none")
            continue
        links: list[int] = []
        for sub in below:
            if (sub_level := _level_of(work, sub, {**proofs, level: None})) is None:
                left.append(_called(work, sub))
                continue
            links.append(_written(work, sub, sub_level, proofs, ())[0])
        at, next_at = _written(work, directory, level, proofs, links)
        work.target.seek(link_at)
        work.target.write(form.link.pack(at))
        work.target.seek(0, 2)
        link_at = next_at
        left += [f"tag {tag}" for tag in sorted(directory.keys() & LEFT_OUT)]
    if len(proofs) != len(work.facts.levels):
        raise work.refuse("not all of its levels were found")
    return NamelessCopy(
        slide_id=work.slide_id,
        format=work.facts.format,
        levels=tuple(proofs[level] for level in sorted(proofs)),
        left_out=tuple(dict.fromkeys(left)),
    )


def _below(work: _Work, directory: Directory) -> Iterator[Directory]:
    entry = directory.get(SUB_DIRECTORIES)
    if entry is None:
        return
    for at in integers(work.form, entry)[:100]:
        sub, follows = read_directory(work.source, work.form, at)
        if follows or SUB_DIRECTORIES in sub:
            raise work.refuse("directories below directories")
        yield sub


def _level_of(work: _Work, directory: Directory, taken: Mapping[int, object]) -> int | None:
    """The number of the level that a directory is; None for label, macro, thumbnail and others."""
    if OFFSETS not in directory or work.number(directory, SUBFILE) == MACRO_SUBFILE:
        return None
    about = directory.get(DESCRIPTION)
    second = about.data.split(b"\n", 1)[-1][:40].lower() if about else b""
    if any(second.startswith(word.encode()) for word in LABEL_WORDS):
        return None
    shape = tuple(work.number(directory, t) for t in (WIDTH, HEIGHT, TILE_WIDTH, TILE_HEIGHT))
    for number, level in enumerate(work.facts.levels):
        if shape == (level.width, level.height, level.tile_width, level.tile_height):
            return None if number in taken else number
    return None


def _called(work: _Work, directory: Directory) -> str:
    return f"picture {work.number(directory, WIDTH)}x{work.number(directory, HEIGHT)}"


def _written(
    work: _Work,
    directory: Directory,
    level: int,
    proofs: dict[int, LevelProof],
    links: list[int] | tuple[()],
) -> tuple[int, int]:
    """Tiles and directory of a level; where the directory lies, and where its link."""
    new = dict(_plain_tags(work, directory))
    proofs[level], offsets = _tiles(work, directory, level)
    new[OFFSETS] = offsets_entry(work.form, offsets)
    new[COUNTS] = offsets_entry(work.form, list(integers(work.form, directory[COUNTS])))
    if links:
        new[SUB_DIRECTORIES] = offsets_entry(work.form, links)
    if (text := description(work.facts, level)) is not None:
        new[DESCRIPTION] = text_entry(text)
    return write_directory(work.target, work.form, new)


def _plain_tags(work: _Work, directory: Directory) -> Iterator[tuple[int, Entry]]:
    for tag, entry in directory.items():
        if tag in KEPT:
            if entry.kind not in NUMBERS or entry.count > MOST_VALUES:
                raise work.refuse(f"tag {tag} holds something else than a few numbers")
            yield tag, entry
        elif tag == JPEG_TABLES:
            if not tables_are_plain(entry.data):
                raise work.refuse("its JPEG tables hold something else than tables")
            yield tag, entry
        elif tag == PROFILE:
            profile = plain_profile(entry.data)
            yield tag, Entry(7, len(profile), profile)
        elif tag not in LEFT_OUT | WRITTEN:
            raise work.refuse(f"tag {tag} is unknown")


def _tiles(work: _Work, directory: Directory, level: int) -> tuple[LevelProof, list[int]]:
    """Copy the compressed tiles of a level as they are; a tile stored once is copied once."""
    codec = "jpeg" if work.number(directory, COMPRESSION) == JPEG else work.facts.codec
    placed: dict[tuple[int, int], int] = {}
    new: list[int] = []

    def copied() -> Iterator[tuple[tuple[int, int], bytes]]:
        for place, tile in _stored(work, directory, level):
            if tile and place not in placed:
                if words := words_in(codec, tile):
                    raise work.refuse(f"a tile holds more than its picture: {words}")
                placed[place] = aligned(work.target)
                work.target.write(tile)
            new.append(placed.get(place, 0))
            yield place, tile

    return _proof(work, level, copied()), new


def _proof(work: _Work, level: int, stored: Iterator[tuple[tuple[int, int], bytes]]) -> LevelProof:
    digest, number = hashlib.sha256(), 0
    for _, tile in stored:
        digest.update(len(tile).to_bytes(8, "big") + tile)
        number += 1
    here = work.facts.levels[level]
    return LevelProof(width=here.width, height=here.height, tiles=number, sha256=digest.hexdigest())


def _stored(
    work: _Work, directory: Directory, level: int
) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Place (offset, length) and bytes of each tile of a level, in their order."""
    here = work.facts.levels[level]
    offsets = integers(work.form, directory[OFFSETS])
    counts = integers(work.form, directory[COUNTS])
    number = -(-here.width // here.tile_width) * -(-here.height // here.tile_height)
    if not len(offsets) == len(counts) == number:
        raise work.refuse(f"{len(offsets)} tiles where {number} fill the picture")
    for offset, count in zip(offsets, counts, strict=True):
        if count > LARGEST_TILE:
            raise work.refuse(f"a tile of {count} bytes")
        work.source.seek(offset)
        tile = work.source.read(count)
        if len(tile) != count:
            raise work.refuse("a tile past the end of the file")
        yield (offset, count), tile
