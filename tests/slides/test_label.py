"""What a file says of its own slide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from pathology.slides.label import read_label
from tests.painted_dicom import DicomForm, write_dicom

NAMES = frozenset(
    {"dicom.BarcodeValue", "dicom.ContainerIdentifier", "dicom.AccessionNumber",
     "dicom.SpecimenIdentifier"}
)  # fmt: skip
WHITE = np.full((64, 64, 3), 255, np.uint8)


def test_the_attributes_of_the_standard_are_read(tmp_path: Path) -> None:
    def label(header: Dataset) -> None:
        specimen = Dataset()
        specimen.SpecimenIdentifier = "A-2"
        header.BarcodeValue = " X1 "
        header.ContainerIdentifier = "X1"
        header.AccessionNumber = ""
        header.SpecimenDescriptionSequence = Sequence([specimen])

    folder = write_dicom(tmp_path / "s", WHITE, form=DicomForm(change=label))
    told = {
        ("dicom.BarcodeValue", "X1"),
        ("dicom.ContainerIdentifier", "X1"),
        ("dicom.SpecimenIdentifier", "A-2"),
    }
    assert set(read_label(folder, NAMES)) == told
    assert set(read_label(folder / "level-0.dcm", NAMES)) == told
    assert read_label(folder, {"dicom.BarcodeValue"}) == (("dicom.BarcodeValue", "X1"),)


def test_of_two_specimens_on_one_slide_neither_is_its_specimen(tmp_path: Path) -> None:
    def label(header: Dataset) -> None:
        two = [Dataset(), Dataset()]
        for number, specimen in enumerate(two):
            specimen.SpecimenIdentifier = f"A-{number}"
        header.SpecimenDescriptionSequence = Sequence(two)

    assert read_label(write_dicom(tmp_path / "s", WHITE, form=DicomForm(change=label)), NAMES) == ()


def test_instances_of_a_series_that_differ_are_all_told(tmp_path: Path) -> None:
    codes = iter(("X1", "X2"))

    def label(header: Dataset) -> None:
        header.BarcodeValue = next(codes)

    folder = write_dicom(tmp_path / "s", WHITE, levels=2, form=DicomForm(change=label))
    assert [text for _, text in read_label(folder, NAMES)] == ["X1", "X2"]


@pytest.mark.parametrize("data", [b"", b"x" * 500, b"\0" * 128 + b"DICM" + b"\xff" * 50])
def test_a_file_that_cannot_be_read_says_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.svs").write_bytes(data)
    assert read_label(tmp_path / "a.svs", NAMES) == ()
    assert read_label(tmp_path / "absent.svs", NAMES) == ()


def test_properties_of_a_real_slide_are_read_by_their_names(real_data) -> None:
    path = real_data("slides", "CMU-1-Small-Region.svs")
    assert read_label(path, {"aperio.ImageID"}) == (("aperio.ImageID", "1004486"),)
