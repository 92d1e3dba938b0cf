"""DICOM series: pixels where they belong, in the right colours, or a refusal that says why."""

from __future__ import annotations

import contextlib
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from pathology.errors import ScaleUnknown, SlideError, SlideUnreadable
from pathology.records.geometry import Box
from pathology.slides.open import examine
from tests.painted import paint_nuclei
from tests.painted_dicom import DicomForm, frames_of, write_dicom, write_instance
from tests.slides.opened import opened

ALL = Box(0, 0, 700, 500)


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    image = paint_nuclei(width=700, height=500).pixels
    image[:256, :256] = 255  # a tile without tissue, that a sparse file leaves out
    return image


def refusal(path: Path) -> SlideUnreadable:
    with pytest.raises(SlideUnreadable) as caught:
        examine(path, slide_id="s1")
    return caught.value


@pytest.mark.parametrize("sparse", [False, True], ids=["full", "sparse"])
@pytest.mark.parametrize("offsets", ["none", "basic", "extended"])
@pytest.mark.parametrize("codec", ["jpeg", "jpeg2000", "none"])
def test_every_way_of_storing_frames_gives_the_painted_pixels(
    tmp_path: Path, pixels: NDArray[np.uint8], codec: str, offsets: str, sparse: bool
) -> None:
    form = DicomForm(codec=codec, offsets=offsets, sparse=sparse)
    with opened(write_dicom(tmp_path, pixels, form=form)) as slide:
        region = slide.read(ALL)
    apart = np.abs(region.pixels.astype(int) - pixels)
    assert apart.mean() < 2.5 if codec == "jpeg" else apart.max() == 0
    assert region.lost == ()


def test_a_series_states_its_facts(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    folder = write_dicom(tmp_path, pixels, levels=3, form=DicomForm(mpp=0.25))
    write_instance(tmp_path / "label.dcm", pixels[:90, :90], DicomForm(kind="LABEL"))
    facts = examine(folder, slide_id="s1")
    assert [(x.width, x.height, x.downsample) for x in facts.levels] == [
        (700, 500, 1.0),
        (350, 250, 2.0),
        (175, 125, 4.0),
    ]
    assert facts.stated_mpp == pytest.approx((0.25, 0.25))
    assert (facts.format, facts.magnification, facts.scanner) == (
        "dicom-wsm",
        20.0,
        "Painted Brush 1",
    )
    assert len(facts.files) == 4


def test_one_file_of_a_series_opens_all_its_levels_and_no_other_series(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    write_dicom(tmp_path, pixels, levels=2)
    other = DicomForm(series="1.2.3.4")
    write_instance(tmp_path / "other.dcm", pixels[:300, :300], other)
    facts = examine(tmp_path / "level-1.dcm", slide_id="s1")
    assert [level.width for level in facts.levels] == [700, 350]
    assert [file.name for file in facts.files] == ["level-1.dcm", "level-0.dcm"]
    assert refusal(tmp_path).code == "unsupported-layout"


def test_pixel_spacing_is_rows_first(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    def stretch(header: Dataset) -> None:
        measures = header.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        measures.PixelSpacing = [0.0005, 0.00025]

    folder = write_dicom(tmp_path, pixels, form=DicomForm(change=stretch))
    assert examine(folder, slide_id="s1").stated_mpp == pytest.approx((0.25, 0.5))


def test_without_pixel_spacing_the_size_of_the_glass_is_no_scale(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    def label_size(header: Dataset) -> None:
        header.ImagedVolumeWidth = header.ImagedVolumeHeight = 15.0

    folder = write_dicom(tmp_path, pixels, form=DicomForm(mpp=None, change=label_size))
    with pytest.raises(ScaleUnknown) as caught:
        opened(folder)
    assert caught.value.code == "scale-missing"


@pytest.mark.parametrize("stated", ["RGB", "YBR_FULL_422"])
def test_a_jpeg_that_names_its_colours_is_believed_before_the_header(
    tmp_path: Path, pixels: NDArray[np.uint8], stated: str
) -> None:
    def misname(header: Dataset) -> None:
        header.PhotometricInterpretation = stated

    with opened(write_dicom(tmp_path, pixels, form=DicomForm(change=misname))) as slide:
        assert np.abs(slide.read(ALL).pixels.astype(int) - pixels).mean() < 2.5


def test_a_jpeg_that_names_no_colours_is_what_the_header_says(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    def bare_rgb(header: Dataset) -> None:
        header.PhotometricInterpretation = "RGB"
        frames = [bare_jpeg(frame) for frame in frames_of(pixels, 256)]
        header.PixelData = encapsulate(frames)
        header["PixelData"].is_undefined_length = True

    with opened(write_dicom(tmp_path, pixels, form=DicomForm(change=bare_rgb))) as slide:
        assert np.abs(slide.read(ALL).pixels.astype(int) - pixels).mean() < 2.5


@pytest.mark.parametrize("stated", ["RGB", "YBR_FULL_422", "YBR_ICT"])
def test_a_jpeg2000_that_undoes_its_own_transform_is_rgb_whatever_the_header_says(
    tmp_path: Path, pixels: NDArray[np.uint8], stated: str
) -> None:
    def misname(header: Dataset) -> None:
        header.PhotometricInterpretation = stated

    form = DicomForm(codec="jpeg2000", change=misname)
    with opened(write_dicom(tmp_path, pixels, form=form)) as slide:
        assert np.array_equal(slide.read(ALL).pixels, pixels)


def test_a_jpeg2000_without_a_transform_is_what_the_header_says(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    def without_transform(header: Dataset) -> None:
        header.PhotometricInterpretation = "YBR_FULL"
        ycbcr = [np.asarray(Image.fromarray(f).convert("YCbCr")) for f in frames_of(pixels, 256)]
        frames = [
            imagecodecs.jpeg2k_encode(f, reversible=True, level=0, codecformat="J2K", mct=False)
            for f in ycbcr
        ]
        header.PixelData = encapsulate(frames)
        header["PixelData"].is_undefined_length = True

    form = DicomForm(codec="jpeg2000", change=without_transform)
    with opened(write_dicom(tmp_path, pixels, form=form)) as slide:
        assert np.abs(slide.read(ALL).pixels.astype(int) - pixels).max() <= 3


def bare_jpeg(frame: NDArray[np.uint8]) -> bytes:
    """A JPEG whose components are red, green and blue, with no marker that says so."""
    data = imagecodecs.jpeg8_encode(frame, level=95, colorspace="RGB", outcolorspace="RGB")
    at = data.index(b"\xff\xee\x00\x0eAdobe")
    return data[:at] + data[at + 16 :]


def test_a_bad_frame_costs_that_frame_only(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    folder = write_dicom(tmp_path, pixels)
    file = folder / "level-0.dcm"
    data = bytearray(file.read_bytes())
    frames = [at for at in range(len(data) - 2) if data[at : at + 3] == b"\xff\xd8\xff"]
    data[frames[4] + 300 : frames[4] + 4000] = b"\xff\xd3" * 1850
    file.write_bytes(data)
    with opened(folder) as slide:
        region = slide.read(ALL)
    assert [(t.level, t.row, t.column) for t in region.lost] == [(0, 1, 1)]
    assert (region.pixels[256:500, 256:512] == 255).all()
    others = np.abs(region.pixels.astype(int) - pixels)
    others[256:500, 256:512] = 0
    assert others.mean() < 2.5


def test_parts_of_a_concatenation_are_one_level(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    frames = [simplejpeg.encode_jpeg(f, quality=95) for f in frames_of(pixels, 256)]

    def part(first: int, last: int) -> DicomForm:
        def cut(header: Dataset) -> None:
            header.ConcatenationUID = "1.2.3"
            header.ConcatenationFrameOffsetNumber = first
            header.NumberOfFrames = last - first
            header.PixelData = encapsulate(frames[first:last])
            header["PixelData"].is_undefined_length = True

        return DicomForm(change=cut)

    write_instance(tmp_path / "b.dcm", pixels, part(0, 4))
    write_instance(tmp_path / "a.dcm", pixels, part(4, 6))
    with opened(tmp_path) as slide:
        assert np.abs(slide.read(ALL).pixels.astype(int) - pixels).mean() < 3.5


def forms_to_refuse() -> dict[str, tuple[str, DicomForm]]:
    def two_paths(header: Dataset) -> None:
        header.NumberOfOpticalPaths = 2

    def grey(header: Dataset) -> None:
        header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"

    def planes(header: Dataset) -> None:
        header.TotalPixelMatrixFocalPlanes = 3

    def deep(header: Dataset) -> None:
        header.BitsAllocated = 16

    def no_places(header: Dataset) -> None:
        del header.DimensionOrganizationType

    def too_few_frames(header: Dataset) -> None:
        header.TotalPixelMatrixColumns = 900

    def another_class(header: Dataset) -> None:
        header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage

    def partial(header: Dataset) -> None:
        header.PhotometricInterpretation = "YBR_PARTIAL_420"

    def endless(header: Dataset) -> None:
        header.TotalPixelMatrixColumns = header.TotalPixelMatrixRows = 2**32 - 1

    def no_rows(header: Dataset) -> None:
        del header.Rows

    def no_pixels(header: Dataset) -> None:
        del header.PixelData

    return {
        "two optical paths": ("fluorescence", DicomForm(change=two_paths)),
        "grey": ("fluorescence", DicomForm(change=grey)),
        "focal planes": ("unsupported-layout", DicomForm(change=planes)),
        "16 bit": ("unsupported-layout", DicomForm(change=deep)),
        "frames without a place": ("unsupported-layout", DicomForm(change=no_places)),
        "fewer frames than tiles": ("unsupported-layout", DicomForm(change=too_few_frames)),
        "colours nobody uses": ("unsupported-layout", DicomForm(change=partial)),
        "a size beyond belief": ("unsupported-layout", DicomForm(change=endless, sparse=True)),
        "a CT": ("not-a-slide", DicomForm(change=another_class)),
        "only a label": ("not-a-slide", DicomForm(kind="LABEL")),
        "no size of frames": ("damaged-file", DicomForm(change=no_rows)),
        "no pixel data": ("damaged-file", DicomForm(change=no_pixels)),
    }


@pytest.mark.parametrize(("code", "form"), forms_to_refuse().values(), ids=forms_to_refuse().keys())
def test_what_cannot_be_measured_is_refused_with_a_reason(
    tmp_path: Path, pixels: NDArray[np.uint8], code: str, form: DicomForm
) -> None:
    assert refusal(write_dicom(tmp_path, pixels, form=form)).code == code


@pytest.mark.parametrize("share", [0.01, 0.03, 0.3, 0.6, 0.99])
@pytest.mark.parametrize("offsets", ["none", "basic", "extended"])
def test_a_file_cut_short_is_damaged(
    tmp_path: Path, pixels: NDArray[np.uint8], offsets: str, share: float
) -> None:
    folder = write_dicom(tmp_path, pixels, form=DicomForm(offsets=offsets))
    file = folder / "level-0.dcm"
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    assert refusal(folder).code == "damaged-file"


def test_a_damaged_file_among_the_levels_is_not_passed_over(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    folder = write_dicom(tmp_path, pixels, levels=2)
    finest = folder / "level-0.dcm"
    finest.write_bytes(finest.read_bytes()[:400])
    assert refusal(folder).code == "damaged-file"
    assert refusal(folder / "level-1.dcm").code == "damaged-file"


def test_two_pictures_of_one_size_are_not_mixed(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    write_instance(tmp_path / "plane-1.dcm", pixels, DicomForm())
    write_instance(tmp_path / "plane-2.dcm", pixels, DicomForm())
    assert refusal(tmp_path).code == "unsupported-layout"


def test_no_reason_names_a_file(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    folder = write_dicom(tmp_path / "Patient Name", pixels)
    file = folder / "level-0.dcm"
    file.write_bytes(file.read_bytes()[:3000])
    assert "Patient" not in refusal(folder).text()
    assert "level-0" not in refusal(file).text()


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_no_damage_to_a_header_ends_in_anything_but_a_reason(
    small_series: Path, data: st.DataObject
) -> None:
    file = small_series / "level-0.dcm"
    whole = file.read_bytes()
    spoilt = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        spoilt[data.draw(st.integers(0, 1500))] = data.draw(st.integers(0, 255))
    try:
        file.write_bytes(spoilt)
        with contextlib.suppress(SlideError), opened(small_series) as slide:
            slide.read(Box(0, 0, 300, 200))
    finally:
        file.write_bytes(whole)


@pytest.fixture(scope="module")
def small_series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pixels = paint_nuclei(width=300, height=200).pixels
    return write_dicom(tmp_path_factory.mktemp("small"), pixels, form=DicomForm(sparse=True))


def test_a_length_that_no_number_has_is_damage(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    folder = write_dicom(tmp_path, pixels)
    file = folder / "level-0.dcm"
    data = bytearray(file.read_bytes())
    at = data.index(b"\x28\x00\x10\x00US\x02\x00")  # Rows
    data[at + 6] = 3
    file.write_bytes(data)
    assert refusal(folder).code == "damaged-file"
