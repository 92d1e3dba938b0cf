"""Which tags of a TIFF go into a copy without identity, and what is written in their place.

A literal list of both: a tag that stands in neither is refused, since nobody knows what it says.
"""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import quoteattr

from pathology.records.slide import SlideFacts

SUBFILE, WIDTH, HEIGHT, COMPRESSION, DESCRIPTION = 254, 256, 257, 259, 270
TILE_WIDTH, TILE_HEIGHT, OFFSETS, COUNTS = 322, 323, 324, 325
SUB_DIRECTORIES, JPEG_TABLES, PROFILE = 330, 347, 34675

KEPT: Final = frozenset(
    {SUBFILE, WIDTH, HEIGHT, 258, COMPRESSION, 262, 266, 274, 277, 282, 283, 284, 296, 317}
    | {TILE_WIDTH, TILE_HEIGHT, 338, 339, 340, 341, 529, 530, 531, 532, 32997, 32998}
)
"""How pixels are stored, and how large they are: numbers, at most ``MOST_VALUES`` of them."""
MOST_VALUES: Final = 16
NUMBERS: Final = frozenset({1, 3, 4, 5, 8, 9, 11, 12, 16})
WRITTEN: Final = frozenset({DESCRIPTION, OFFSETS, COUNTS, SUB_DIRECTORIES, JPEG_TABLES, PROFILE})
"""Written anew, or checked before they are copied."""
LEFT_OUT: Final = frozenset(
    {255, 263, 269, 271, 272, 280, 281, 285, 286, 287, 297, 305, 306, 315, 316, 318, 319}
    | {700, 32781, 33432, 33723, 34377, 34665, 34853, 34855, 36864, 36867, 36868, 37121, 37500}
    | {37510, 40961, 40962, 40963, 42016, 42032, 42033, 42036, 42037, 50838, 50839, 65324, 65325}
)
"""Names, makers, programs, dates, places, XMP, IPTC, EXIF, GPS, Photoshop, ImageJ: not copied."""
LABEL_WORDS: Final = ("label", "macro", "thumbnail", "overview")
MACRO_SUBFILE: Final = 9  # Aperio's mark of a macro image; 1 is any reduced one


def description(facts: SlideFacts, level: int) -> str | None:
    """What a level says of itself in the copy: geometry and scale from ``facts``, nothing else.

    None where its dialect says nothing. Made from numbers that were read, not from the old text.
    """
    if facts.format == "aperio-svs":
        return _aperio(facts, level)
    if level:
        return None
    if facts.format == "ome-tiff":
        return _ome(facts)
    power = facts.magnification
    return None if power is None else f"<Objective>{power!r}x"


def _aperio(facts: SlideFacts, level: int) -> str:
    here, first = facts.levels[level], facts.levels[0]
    tile = f"({here.tile_width}x{here.tile_height})"
    size = f"{first.width}x{first.height} {tile}"
    if level:
        size += f" -> {here.width}x{here.height}"
    said = f"Aperio Image Library\r\n{size}"
    if facts.magnification is not None:
        said += f"|AppMag = {facts.magnification:g}"
    if facts.stated_mpp is not None:
        said += f"|MPP = {facts.stated_mpp[0]!r}"
    return said


def _ome(facts: SlideFacts) -> str:
    sizes = ""
    if facts.stated_mpp is not None:
        x, y = facts.stated_mpp
        sizes = (
            f' PhysicalSizeX="{x!r}" PhysicalSizeXUnit="µm"'
            f' PhysicalSizeY="{y!r}" PhysicalSizeYUnit="µm"'
        )
    objective = setting = ""
    if facts.magnification is not None:
        power = quoteattr(repr(facts.magnification))
        objective = f'<Objective ID="Objective:0" NominalMagnification={power}/>'
        objective = f'<Instrument ID="Instrument:0">{objective}</Instrument>'
        setting = '<InstrumentRef ID="Instrument:0"/><ObjectiveSettings ID="Objective:0"/>'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        f'{objective}<Image ID="Image:0">{setting}'
        f'<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" Interleaved="true"'
        f' SizeX="{facts.width_px0}" SizeY="{facts.height_px0}" SizeC="3" SizeZ="1" SizeT="1"'
        f'{sizes}><Channel ID="Channel:0:0" SamplesPerPixel="3"/>'
        '<TiffData IFD="0" PlaneCount="1"/></Pixels></Image></OME>'
    )
