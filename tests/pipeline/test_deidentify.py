"""Copies without identity: what was planted is gone, what was scanned is there byte for byte."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import openslide
import pydicom
import pytest
import tifffile
from pydicom.dataset import Dataset

from pathology.cli.main import main
from pathology.errors import OutputError, SlideUnreadable
from pathology.pipeline import deidentify as module
from pathology.pipeline.deidentify import deidentify
from pathology.records.geometry import Box
from pathology.slides.open import examine
from tests.painted_dicom import DicomForm, write_dicom, write_instance
from tests.painted_tiff import jpeg_tiles, reduced, write_ome
from tests.slides.opened import opened

NAME = "ZHANG-S-19501231"
PIXELS = np.random.default_rng(7).integers(0, 255, (700, 900, 3), np.uint8)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def planted_svs(path: Path, *, bigtiff: bool = False, extratags: tuple[object, ...] = ()) -> Path:
    """An SVS with a name in every tag that holds one, in a label, a macro, and behind its end."""
    text = (
        f"Aperio Image Library v12 \r\n900x700 (256x256) JPEG/RGB Q=70;{NAME}|AppMag = 20|"
        f"MPP = 0.5000|Filename = {NAME}|User = {NAME}|Date = 12/31/50|ScanScope ID = {NAME}|"
        f"Title = {NAME}|ImageID = {NAME}"
    )
    texts = [(code, 2, 0, NAME, True) for code in (269, 271, 272, 285, 315, 316, 33432)]
    raw = [(code, 7, len(NAME), NAME.encode(), True) for code in (700, 33723, 34377)]
    with tifffile.TiffWriter(path, bigtiff=bigtiff) as tiff:
        for number, downsample in enumerate((1, 4)):
            level = reduced(PIXELS, downsample)
            tiff.write(
                jpeg_tiles(level, stored="rgb", marked=True),
                shape=level.shape,
                dtype=np.uint8,
                tile=(256, 256),
                photometric="rgb",
                compression="jpeg",
                compressionargs={"outcolorspace": "rgb"},
                description=text,
                software=NAME,
                datetime="1950:12:31 10:00:00",
                extratags=[*texts, *raw, *extratags],
                metadata=None,
            )
            if number == 0:
                tiff.write(reduced(PIXELS, 8), photometric="rgb", description=text, metadata=None)
        for name, kind in (("label", 1), ("macro", 9)):
            tiff.write(
                np.full((90, 120, 3), 200, np.uint8),
                photometric="rgb",
                subfiletype=kind,
                description=f"Aperio Image Library v12 \r\n{name} 120x90 {NAME}",
                metadata=None,
            )
    with path.open("ab") as file:
        file.write(NAME.encode() * 3)
    return path


def tiles_of(path: Path, page: int) -> list[bytes]:
    with tifffile.TiffFile(path) as tiff, path.open("rb") as file:
        found = []
        stored = tiff.pages[page]
        for offset, count in zip(stored.dataoffsets, stored.databytecounts, strict=True):
            file.seek(offset)
            found.append(file.read(count))
        return found


@pytest.mark.parametrize("bigtiff", [False, True])
def test_nothing_that_was_planted_in_an_svs_is_left(tmp_path: Path, bigtiff: bool) -> None:
    scan = planted_svs(tmp_path / "scan.svs", bigtiff=bigtiff)
    before, copy = sha256(scan), tmp_path / "copy.svs"
    made = deidentify(scan, copy, "s1")
    assert sha256(scan) == before
    data = copy.read_bytes()
    for word in (NAME, "12/31/50", "1950", "tifffile", "label", "macro"):
        assert word.encode() not in data
    assert tiles_of(copy, 0) == tiles_of(scan, 0)
    assert tiles_of(copy, 1) == tiles_of(scan, 2)
    assert [level.tiles for level in made.levels] == [12, 1]
    assert any("120x90" in text for text in made.left_out)
    with openslide.OpenSlide(copy) as slide:
        assert not slide.associated_images
        assert slide.properties["openslide.mpp-x"] == "0.5"
        assert slide.properties["openslide.objective-power"] == "20"
    with opened(scan) as one, opened(copy) as other:
        whole = Box(0, 0, 900, 700)
        assert np.array_equal(one.read(whole).pixels, other.read(whole).pixels)


def test_an_ome_tiff_keeps_its_levels_and_its_scale(tmp_path: Path) -> None:
    scan = write_ome(tmp_path / "scan.ome.tif", PIXELS, levels=2)
    with tifffile.TiffFile(scan) as tiff:
        xml = tiff.pages[0].description
    named = xml.replace("<Image ", f'<Experimenter UserName="{NAME}"/><Image ', 1)
    tifffile.tiffcomment(scan, named.encode())
    copy = tmp_path / "copy.ome.tif"
    deidentify(scan, copy, "s1")
    assert NAME.encode() not in copy.read_bytes()
    assert b"Maker" not in copy.read_bytes()
    one, other = examine(scan, slide_id="s"), examine(copy, slide_id="s")
    assert replace(one, files=(), scanner=None) == replace(other, files=(), scanner=None)


@pytest.mark.parametrize("compression", ["deflate", "lzw", None, "jpeg2000"])
def test_a_tiff_of_each_codec_is_copied(tmp_path: Path, compression: str | None) -> None:
    scan = tmp_path / "scan.tif"
    with tifffile.TiffWriter(scan) as tiff:
        tiff.write(
            PIXELS,
            tile=(256, 256),
            photometric="rgb",
            compression=compression,
            resolution=(20000, 20000),
            resolutionunit=3,
            description=f"{NAME} <Objective>20x",
            software=NAME,
            metadata=None,
        )
    copy = tmp_path / "copy.tif"
    deidentify(scan, copy, "s1")
    assert NAME.encode() not in copy.read_bytes()
    assert tiles_of(scan, 0) == tiles_of(copy, 0)
    assert examine(copy, slide_id="s").stated_mpp == (0.5, 0.5)


def refused(scan: Path, out: Path, word: str) -> None:
    with pytest.raises(SlideUnreadable) as problem:
        deidentify(scan, out, "s1")
    assert problem.value.code == "identity-stays"
    assert word in str(problem.value)
    assert NAME not in str(problem.value)
    assert [p.name for p in out.parent.iterdir() if p.name.startswith(".copying")] == []
    assert not out.exists()


def test_a_tag_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    scan = planted_svs(tmp_path / "scan.svs", extratags=((65000, 2, 0, NAME, True),))
    refused(scan, tmp_path / "copy.svs", "tag 65000")


def with_comment(jpeg: bytes, marker: int) -> bytes:
    body = NAME.encode()
    return jpeg[:2] + bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body + jpeg[2:]


@pytest.mark.parametrize("marker", [0xFE, 0xE1, 0xE0, 0xED])
def test_words_inside_a_tile_are_refused(tmp_path: Path, marker: int) -> None:
    scan = tmp_path / "scan.tif"
    level = PIXELS[:256, :256]
    tiles = [with_comment(t, marker) for t in jpeg_tiles(level, stored="rgb", marked=False)]
    with tifffile.TiffWriter(scan) as tiff:
        tiff.write(
            iter(tiles),
            shape=level.shape,
            dtype=np.uint8,
            tile=(256, 256),
            photometric="rgb",
            compression="jpeg",
            compressionargs={"outcolorspace": "rgb"},
            metadata=None,
        )
    refused(scan, tmp_path / "copy.tif", "more than its picture")


def test_words_behind_a_tiles_end_are_refused(tmp_path: Path) -> None:
    scan = tmp_path / "scan.tif"
    tiles = [t + NAME.encode() for t in jpeg_tiles(PIXELS[:256, :256], stored="rgb", marked=False)]
    with tifffile.TiffWriter(scan) as tiff:
        tiff.write(
            iter(tiles),
            shape=(256, 256, 3),
            dtype=np.uint8,
            tile=(256, 256),
            photometric="rgb",
            compression="jpeg",
            compressionargs={"outcolorspace": "rgb"},
            metadata=None,
        )
    refused(scan, tmp_path / "copy.tif", "behind its end")


def test_a_copy_that_fails_its_second_look_is_thrown_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan, copy = planted_svs(tmp_path / "scan.svs"), tmp_path / "copy.svs"
    real = module.copy_tiff

    def careless(source: Path, target: Path, *more: object) -> object:
        made = real(source, target, *more)
        data = bytearray(target.read_bytes())
        at = data.index(tiles_of(scan, 0)[3]) + 700
        data[at] ^= 0xFF
        target.write_bytes(data)
        return made

    monkeypatch.setattr(module, "copy_tiff", careless)
    with pytest.raises(SlideUnreadable, match="tiles are not those") as problem:
        deidentify(scan, copy, "s1")
    assert problem.value.code == "copy-differs"
    assert not copy.exists()


def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    scan, copy = planted_svs(tmp_path / "scan.svs"), tmp_path / "copy.svs"
    copy.write_bytes(b"mine")
    with pytest.raises(OutputError, match="is there already"):
        deidentify(scan, copy, "s1")
    assert copy.read_bytes() == b"mine"


def planted_header(data: Dataset) -> None:
    for keyword in (
        "PatientName", "PatientID", "AccessionNumber", "StudyDescription", "SeriesDescription",
        "ReferringPhysicianName", "OperatorsName", "InstitutionName", "StationName",
        "DeviceSerialNumber", "ContainerIdentifier", "BarcodeValue", "LabelText", "PatientComments",
        "ImageComments", "ProtocolName", "StudyID",
    ):  # fmt: skip
        setattr(data, keyword, NAME)
    data.StudyDate = data.PatientBirthDate = data.ContentDate = "19501231"
    data.AcquisitionDateTime = "19501231101112"
    data.FrameOfReferenceUID = "1.2.3.4.5"
    specimen = Dataset()
    specimen.SpecimenIdentifier, specimen.SpecimenUID = NAME, "1.2.3.4.6"
    specimen.SpecimenShortDescription = NAME
    data.SpecimenDescriptionSequence = [specimen]
    data.OpticalPathSequence[0].OpticalPathDescription = NAME
    block = data.private_block(0x0009, "VENDOR", create=True)
    block.add_new(1, "LO", NAME)
    data.preamble = NAME.encode().ljust(128, b"\0")


@pytest.mark.parametrize("codec", ["jpeg", "jpeg2000", "none"])
def test_nothing_that_was_planted_in_a_dicom_series_is_left(tmp_path: Path, codec: str) -> None:
    form = DicomForm(codec=codec, change=planted_header)
    scan = write_dicom(tmp_path / "scan", PIXELS, levels=2, form=form)
    label = replace(form, kind="LABEL")
    write_instance(scan / "label.dcm", PIXELS[:256, :256], label, number=9)
    for file in scan.iterdir():  # what stands behind the pixels
        with file.open("ab") as opened_file:
            opened_file.write(
                b"\xfc\xff\xfc\xffOB\0\0" + (16).to_bytes(4, "little") + NAME.encode()
            )
    before = {p.name: sha256(p) for p in scan.iterdir()}
    copy = tmp_path / "copy"
    made = deidentify(scan, copy, "s1")
    assert {p.name: sha256(p) for p in scan.iterdir()} == before
    assert len(list(copy.iterdir())) == 2
    assert len(made.levels) == 2
    old = [pydicom.dcmread(p) for p in sorted(scan.glob("level*"))]
    new = [pydicom.dcmread(p) for p in sorted(copy.iterdir())]
    for file in copy.iterdir():
        data = file.read_bytes()
        for word in (NAME, "19501231", "1.2.3.4.5", "VENDOR"):
            assert word.encode() not in data
    for one, other in zip(old, new, strict=True):
        assert bytes(one.PixelData) == bytes(other.PixelData)
        assert one.SOPInstanceUID != other.SOPInstanceUID
        assert other.file_meta.MediaStorageSOPInstanceUID == other.SOPInstanceUID
    assert len({n.StudyInstanceUID for n in new}) == len({n.SeriesInstanceUID for n in new}) == 1
    assert new[0].FrameOfReferenceUID == new[1].FrameOfReferenceUID
    assert new[0].StudyInstanceUID.startswith("2.25.")
    with opened(scan) as one, opened(copy) as other:
        whole = Box(0, 0, 900, 700)
        assert np.array_equal(one.read(whole).pixels, other.read(whole).pixels)


def burned(data: Dataset) -> None:
    data.BurnedInAnnotation = "YES"


def test_a_header_that_says_names_are_burned_in_is_believed(tmp_path: Path) -> None:
    scan = write_dicom(tmp_path / "scan", PIXELS, form=DicomForm(change=burned))
    refused(scan, tmp_path / "copy", "burned into")


def test_other_formats_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "field.tif", PIXELS, photometric="rgb")
    with pytest.raises(SlideUnreadable) as problem:
        deidentify(tmp_path / "field.tif", tmp_path / "copy.tif", "s1")
    assert problem.value.code in ("identity-stays", "not-a-slide", "unsupported-layout")


@pytest.mark.real_data
@pytest.mark.parametrize(
    "name", ["CMU-1-Small-Region.svs", "TCGA-CR-7395-01A-01-TS1.svs", "cmu1_dicom"]
)
def test_real_slides(
    name: str,
    tmp_path: Path,
    real_data: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    scan, copy = real_data("slides", name), tmp_path / name
    assert main(["deidentify", str(scan), "--out", str(copy), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["levels"]
    files = sorted(copy.iterdir()) if copy.is_dir() else [copy]
    for file in files:
        data = file.read_bytes()
        for word in (b"CPAPERIOCS", b"b414003d", b"12/29/09", b"2425734838", b"20210720", b"CMU-1"):
            assert word not in data
    with opened(scan, mpp=1.0) as one, opened(copy, mpp=1.0) as other:
        box = Box(300, 300, 600, 600)
        assert np.array_equal(one.read(box).pixels, other.read(box).pixels)


def test_the_scan_may_be_large_and_memory_small(tmp_path: Path) -> None:
    """A level of 200 MB is copied in less memory than its tiles need together."""
    scan = tmp_path / "scan.tif"
    tile = np.random.default_rng(1).integers(0, 255, (1024, 1024, 3), np.uint8)

    def tiles() -> object:
        for _ in range(64):
            yield tile

    with tifffile.TiffWriter(scan) as tiff:
        tiff.write(
            tiles(), shape=(8192, 8192, 3), dtype=np.uint8, tile=(1024, 1024), photometric="rgb",
            metadata=None, resolution=(20000, 20000), resolutionunit=3,
        )  # fmt: skip
    tracemalloc.start()
    deidentify(scan, tmp_path / "copy.tif", "s1")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert scan.stat().st_size > 190e6
    assert peak < 40e6
