"""DICOM whole-slide series whose truth is known because we painted them, written by pydicom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import imagecodecs
import numpy as np
import simplejpeg
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import JPEG2000, ExplicitVRLittleEndian, JPEG2000Lossless, JPEGBaseline8Bit

from tests.painted import halved

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

WSM = "1.2.840.10008.5.1.4.1.1.77.1.6"
ROOT = "1.2.826.0.1.3680043.8.498.1"
SYNTAX = {"jpeg": JPEGBaseline8Bit, "jpeg2000": JPEG2000Lossless, "none": ExplicitVRLittleEndian}
PHOTOMETRIC = {"jpeg": "YBR_FULL_422", "jpeg2000": "YBR_RCT", "none": "RGB"}

__all__ = ["JPEG2000", "DicomForm", "frames_of", "write_dicom", "write_instance"]


@dataclass(frozen=True, kw_only=True)
class DicomForm:
    """How an instance is written; ``change`` may spoil the header before it goes to disk."""

    mpp: float | None = 0.5
    tile: int = 256
    codec: Literal["jpeg", "jpeg2000", "none"] = "jpeg"
    offsets: Literal["none", "basic", "extended"] = "basic"
    sparse: bool = False
    kind: str = "VOLUME"
    series: str = f"{ROOT}.2"
    change: Callable[[Dataset], None] | None = None


def write_dicom(
    folder: Path, pixels: NDArray[np.uint8], *, levels: int = 1, form: DicomForm | None = None
) -> Path:
    """A series folder, one instance a level; every level halves the one before."""
    form = form or DicomForm()
    folder.mkdir(parents=True, exist_ok=True)
    image, mpp = pixels, form.mpp
    for level in range(levels):
        place = folder / f"level-{level}.dcm"
        write_instance(place, image, form, number=level + 1, mpp=mpp)
        image, mpp = halved(image), mpp * 2 if mpp else None
    return folder


def frames_of(pixels: NDArray[np.uint8], tile: int) -> list[NDArray[np.uint8]]:
    """Whole tiles row by row; past the edge they are white."""
    rows, columns = -(-pixels.shape[0] // tile), -(-pixels.shape[1] // tile)
    room = np.full((rows * tile, columns * tile, 3), 255, np.uint8)
    room[: pixels.shape[0], : pixels.shape[1]] = pixels
    return [
        np.ascontiguousarray(room[r * tile : (r + 1) * tile, c * tile : (c + 1) * tile])
        for r in range(rows)
        for c in range(columns)
    ]


def write_instance(
    path: Path,
    pixels: NDArray[np.uint8],
    form: DicomForm,
    *,
    number: int = 1,
    mpp: float | None = 0.5,
) -> Path:
    """One multi-frame instance (PS3.3 A.32.8), no more of it than readers need."""
    frames = frames_of(pixels, form.tile)
    data = FileDataset(path, {}, file_meta=_meta(form, number), preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = WSM, f"{ROOT}.3.{number}"
    data.StudyInstanceUID, data.SeriesInstanceUID = f"{ROOT}.1", form.series
    data.Modality, data.InstanceNumber = "SM", number
    data.ImageType = ["DERIVED", "PRIMARY", form.kind, "NONE"]
    data.Manufacturer, data.ManufacturerModelName = "Painted", "Brush 1"
    data.Rows = data.Columns = form.tile
    data.SamplesPerPixel, data.PlanarConfiguration = 3, 0
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    data.PhotometricInterpretation = PHOTOMETRIC[form.codec]
    data.NumberOfFrames = len(frames)
    data.TotalPixelMatrixRows, data.TotalPixelMatrixColumns = pixels.shape[:2]
    data.DimensionOrganizationType = "TILED_SPARSE" if form.sparse else "TILED_FULL"
    data.OpticalPathSequence = [_with(ObjectiveLensPower=20)]
    shared = Dataset()
    if mpp is not None:
        shared.PixelMeasuresSequence = [_with(PixelSpacing=[mpp / 1000, mpp / 1000])]
    data.SharedFunctionalGroupsSequence = [shared]
    if form.sparse:
        frames = _scatter(data, frames, form)
    _put_pixels(data, frames, form)
    if form.change is not None:
        form.change(data)
    data.save_as(path, enforce_file_format=True)
    return path


def _scatter(
    data: Dataset, frames: list[NDArray[np.uint8]], form: DicomForm
) -> list[NDArray[np.uint8]]:
    """Frames in reverse order, each with its place; those of plain white are left out."""
    columns = -(-int(data.TotalPixelMatrixColumns) // form.tile)
    kept = [n for n in reversed(range(len(frames))) if (frames[n] != 255).any()]
    data.PerFrameFunctionalGroupsSequence = [
        _with(
            PlanePositionSlideSequence=[
                _with(
                    ColumnPositionInTotalImagePixelMatrix=n % columns * form.tile + 1,
                    RowPositionInTotalImagePixelMatrix=n // columns * form.tile + 1,
                )
            ]
        )
        for n in kept
    ]
    data.NumberOfFrames = len(kept)
    return [frames[n] for n in kept]


def _put_pixels(data: Dataset, frames: list[NDArray[np.uint8]], form: DicomForm) -> None:
    if form.codec == "none":
        raw = b"".join(f.tobytes() for f in frames)
        data.PixelData = raw + b"\0" * (len(raw) % 2)
        return
    encoded = [_encoded(frame, form.codec) for frame in frames]
    if form.offsets == "extended":
        pixel_data, offsets, lengths = encapsulate_extended(encoded)
        data.ExtendedOffsetTable, data.ExtendedOffsetTableLengths = offsets, lengths
        data.PixelData = pixel_data
    else:
        data.PixelData = encapsulate(encoded, has_bot=form.offsets == "basic")
    data["PixelData"].is_undefined_length = True


def _encoded(frame: NDArray[np.uint8], codec: str) -> bytes:
    if codec == "jpeg":
        return simplejpeg.encode_jpeg(frame, quality=95, colorsubsampling="444")
    return imagecodecs.jpeg2k_encode(frame, reversible=True, level=0, codecformat="J2K")


def _meta(form: DicomForm, number: int) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = WSM, f"{ROOT}.3.{number}"
    meta.TransferSyntaxUID = SYNTAX[form.codec]
    return meta


def _with(**elements: object) -> Dataset:
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made
