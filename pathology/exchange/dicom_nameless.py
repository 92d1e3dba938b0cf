"""A copy of a DICOM slide without identity: its tissue images alone, under new headers.

The pixel data element is copied as it stands, fragment by fragment; what follows it is not.
Memory: one header and one fragment.
"""

from __future__ import annotations

import hashlib
import struct
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import pydicom
import pydicom.config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.uid import UID

from pathology.errors import SlideUnreadable
from pathology.exchange.codestream_comments import words_in
from pathology.exchange.dicom_profile import NewUids, nameless
from pathology.records.nameless import LevelProof, NamelessCopy
from pathology.records.slide import SlideFacts

PIXELS_TAG: Final = b"\xe0\x7f\x10\x00"
ITEM: Final = b"\xfe\xff\x00\xe0"
END: Final = b"\xfe\xff\xdd\xe0\0\0\0\0"
UNKNOWN_LENGTH: Final = 0xFFFFFFFF
IMPLICIT: Final = "1.2.840.10008.1.2"
SYNTAXES: Final = {
    IMPLICIT: "none",
    "1.2.840.10008.1.2.1": "none",
    "1.2.840.10008.1.2.4.50": "jpeg",
    "1.2.840.10008.1.2.4.51": "jpeg",
    "1.2.840.10008.1.2.4.90": "jpeg2000",
    "1.2.840.10008.1.2.4.91": "jpeg2000",
}
LARGEST_ITEM: Final = 2**30
PIECE: Final = 2**20
DAMAGE: Final = (
    InvalidDicomError, BytesLengthException, EOFError, ValueError, TypeError, KeyError,
    AttributeError, NotImplementedError, OverflowError, struct.error,
)  # fmt: skip
"""What pydicom lets out when bytes make no sense, and what cannot be taken out of a header."""


def copy_dicom(
    sources: Sequence[Path], folder: Path, facts: SlideFacts, slide_id: str
) -> NamelessCopy:
    """Write the tissue images among ``sources`` into ``folder``, which is empty.

    Raises
    ------
    SlideUnreadable
        "identity-stays": a header or a frame says something that nobody here understands.
    """
    new_uid, left = NewUids(), 0
    proofs: list[LevelProof] = []
    try:
        for source in sources:
            with source.open("rb") as read:
                header = _header(read)
                if list(header.get("ImageType") or ())[2:3] != ["VOLUME"]:
                    left += 1
                    continue
                target = folder / f"instance-{len(proofs) + 1:03d}.dcm"
                with target.open("xb") as write:
                    proofs.append(_copied(read, write, header, new_uid))
    except DAMAGE as cause:
        told = str(cause) if type(cause) is ValueError else type(cause).__name__
        raise SlideUnreadable(slide_id, "identity-stays", {"detail": told}) from cause
    return NamelessCopy(
        slide_id=slide_id,
        format=facts.format,
        levels=tuple(sorted(proofs, key=lambda p: (-p.width, -p.height, p.sha256))),
        left_out=(f"{left} label and overview images",) if left else (),
    )


def read_proofs(sources: Sequence[Path]) -> tuple[LevelProof, ...]:
    """The proofs of files as they lie there, for comparing; raises ``DAMAGE``."""
    found = []
    for source in sources:
        with source.open("rb") as read:
            header = _header(read)
            found.append(_proof(header, _Pixels(read, header, None)))
    return tuple(sorted(found, key=lambda p: (-p.width, -p.height, p.sha256)))


def _header(read: BinaryIO) -> Dataset:
    """All elements before the pixels, values parsed; the file stands at the pixel data element."""
    with warnings.catch_warnings(), pydicom.config.disable_value_validation():
        warnings.simplefilter("ignore")  # words of complaint would quote the header
        header = pydicom.dcmread(read, stop_before_pixels=True)
        header.walk(lambda holder, element: None)
        return header


def _copied(read: BinaryIO, write: BinaryIO, header: Dataset, new_uid: NewUids) -> LevelProof:
    syntax = str(header.file_meta.TransferSyntaxUID)
    if syntax not in SYNTAXES:
        raise ValueError(f"transfer syntax {syntax}")
    pixels_at = read.tell()
    with warnings.catch_warnings(), pydicom.config.disable_value_validation():
        warnings.simplefilter("ignore")
        made = nameless(header, new_uid)
        made.file_meta = FileMetaDataset()
        made.file_meta.TransferSyntaxUID = UID(syntax)
        made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
        made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
        made.preamble = b"\0" * 128
        pydicom.dcmwrite(write, made, enforce_file_format=True)
    read.seek(pixels_at)
    return _proof(header, _Pixels(read, header, write))


def _proof(header: Dataset, pixels: _Pixels) -> LevelProof:
    digest, number = hashlib.sha256(), 0
    for piece in pixels:
        digest.update(len(piece).to_bytes(8, "big") + piece)
        number += 1
    return LevelProof(
        width=int(header.TotalPixelMatrixColumns),
        height=int(header.TotalPixelMatrixRows),
        tiles=number,
        sha256=digest.hexdigest(),
    )


class _Pixels:
    """The pixel data element that a file stands at, piece by piece, copied on the way."""

    def __init__(self, read: BinaryIO, header: Dataset, write: BinaryIO | None) -> None:
        syntax = str(header.file_meta.TransferSyntaxUID)
        self._read, self._write = read, write
        self._codec, self._implicit = SYNTAXES.get(syntax, ""), syntax == IMPLICIT

    def __iter__(self) -> Iterator[bytes]:
        """Fragments (the table of offsets first), or pieces of pixels that are not packed."""
        head = self._exactly(8 if self._implicit else 12)
        if head[:4] != PIXELS_TAG:
            raise ValueError("it has no pixel data where its header ends")
        (length,) = struct.unpack("<I", head[-4:])
        self._out(head)
        if self._codec == "none" and length != UNKNOWN_LENGTH:
            yield from self._plain(length)
        elif self._codec != "none" and length == UNKNOWN_LENGTH:
            yield from self._fragments()
        else:
            raise ValueError("its pixel data is not as its transfer syntax says")

    def _plain(self, length: int) -> Iterator[bytes]:
        while length:
            piece = self._exactly(min(length, PIECE))
            length -= len(piece)
            self._out(piece)
            yield piece

    def _fragments(self) -> Iterator[bytes]:
        first = True
        while (head := self._exactly(8))[:4] == ITEM:
            (length,) = struct.unpack("<I", head[4:])
            if length > LARGEST_ITEM:
                raise ValueError(f"a frame of {length} bytes")
            piece = self._exactly(length)
            if not first and (words := words_in(self._codec, piece)):
                raise ValueError(f"a frame holds more than its picture: {words}")
            first = False
            self._out(head + piece)
            yield piece
        if head != END:
            raise ValueError("its frames do not end as they should")
        self._out(head)

    def _exactly(self, count: int) -> bytes:
        data = self._read.read(count)
        if len(data) != count:
            raise ValueError("it ends within its pixel data")
        return data

    def _out(self, data: bytes) -> None:
        if self._write is not None:
            self._write.write(data)
