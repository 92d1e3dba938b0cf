"""What a person names becomes slides: each once, none lost, nothing that is not one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pathology.errors import SlideUnreadable
from pathology.slides.find import files_of, find_slides
from tests.painted import paint_nuclei
from tests.painted_dicom import DicomForm, write_dicom, write_instance
from tests.painted_zarr import write_zarr


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    return paint_nuclei(width=300, height=200).pixels


def touched(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def found_in(folder: Path) -> list[str]:
    return [p.relative_to(folder).as_posix() for p in find_slides([folder])]


def test_named_files_are_kept_even_if_unknown_or_absent(tmp_path: Path) -> None:
    text, absent = touched(tmp_path / "notes.txt"), tmp_path / "gone.svs"
    assert find_slides([text, absent]) == (absent, text)


def test_a_folder_gives_its_slides_sorted_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b.svs", "a/c.NDPI", "a/d.kfb", "e.tif", "notes.txt", ".hidden.svs", "._b.svs"):
        touched(tmp_path / name)
    for name in (".cache/f.svs", "x_label.png", "x-macro.jpg", "b.thumbnail.tif", "e.sdpc"):
        touched(tmp_path / name)
    assert found_in(tmp_path) == ["a/c.NDPI", "a/d.kfb", "b.svs", "e.sdpc", "e.tif"]


def test_a_slide_is_listed_once_however_it_is_named(tmp_path: Path) -> None:
    slide = touched(tmp_path / "a" / "s.svs")
    (tmp_path / "link.svs").symlink_to(slide)
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert find_slides([tmp_path, slide, slide.parent, tmp_path]) == (slide,)


def test_data_folders_of_other_slides_are_not_searched(tmp_path: Path) -> None:
    main = touched(tmp_path / "s.mrxs")
    inside = [touched(tmp_path / "s" / n) for n in ("Data0000.dat", "Slidedat.ini", "x.jpg")]
    vms = touched(tmp_path / "v.vms", b"[Virtual Microscope Specimen]\nImageFile=v(1,0).jpg\n")
    part = touched(tmp_path / "v(1,0).jpg")
    assert find_slides([tmp_path]) == (main, vms)
    assert files_of(main) == (main, *sorted(inside))
    assert files_of(vms) == (vms, part)


def test_our_own_results_are_no_slides(tmp_path: Path) -> None:
    touched(tmp_path / "out" / "s-1" / "ki67-2" / "overlay.png")
    touched(tmp_path / "out" / "s-1" / "ki67-2" / "findings.json")
    slide = touched(tmp_path / "s.svs")
    assert find_slides([tmp_path]) == (slide,)


def test_a_dicom_series_folder_is_one_slide(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    series = write_dicom(tmp_path / "case" / "series", pixels, levels=2)
    (series / "level-1.dcm").rename(series / "1.2.840.7")  # exports are often named by UIDs
    write_instance(series / "label.dcm", pixels, DicomForm(kind="LABEL", series="1.2.99"))
    assert find_slides([tmp_path]) == (series,)
    assert [p.name for p in files_of(series)] == ["1.2.840.7", "label.dcm", "level-0.dcm"]


def test_files_of_one_series_named_one_by_one_are_one_slide(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    series = write_dicom(tmp_path, pixels, levels=3)
    first = series / "level-0.dcm"
    assert find_slides(sorted(series.iterdir())) == (first,)
    assert [p.name for p in files_of(first)] == ["level-0.dcm", "level-1.dcm", "level-2.dcm"]


def test_several_series_in_one_folder_are_as_many_slides(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    write_instance(tmp_path / "a1.dcm", pixels, DicomForm(series="1.2.1"))
    write_instance(tmp_path / "a2.dcm", pixels[:100, :150], DicomForm(series="1.2.1"))
    write_instance(tmp_path / "b1.dcm", pixels, DicomForm(series="1.2.2"))
    torn = touched(tmp_path / "torn.dcm", (tmp_path / "b1.dcm").read_bytes()[:300])
    assert find_slides([tmp_path]) == (tmp_path / "a1.dcm", tmp_path / "b1.dcm", torn)


def test_a_series_beside_other_slides_is_named_by_a_file(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    write_dicom(tmp_path, pixels, levels=2)
    other = touched(tmp_path / "s.svs")
    assert find_slides([tmp_path]) == (tmp_path / "level-0.dcm", other)


def test_a_torn_file_beside_one_series_does_not_vanish(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    """The folder is the slide, and opening it says which harm was done."""
    series = write_dicom(tmp_path / "series", pixels)
    touched(series / "torn.dcm", b"")
    assert find_slides([tmp_path]) == (series,)
    alone = touched(tmp_path / "alone" / "torn.dcm")
    assert find_slides([alone.parent]) == (alone,)


def test_an_ome_zarr_folder_is_one_slide(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    path = write_zarr(tmp_path / "s.zarr", pixels, levels=2)
    assert find_slides([tmp_path]) == (path,) == find_slides([path])
    assert len(files_of(path)) == sum(p.is_file() for p in path.rglob("*")) > 6


def test_a_folder_that_cannot_be_looked_into_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = touched(tmp_path / "locked" / "s.svs").parent
    list_folder = Path.iterdir

    def refuse(folder: Path) -> Iterator[Path]:
        if folder == locked:  # by hand, since root may look into every folder
            raise PermissionError(13, "Permission denied")
        return list_folder(folder)

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert find_slides([tmp_path]) == (locked,)


@pytest.mark.parametrize("name", ["s.tmap", "s.vms", "s.mrxs", "s.svs", "s", "s" * 300])
def test_a_slide_in_a_folder_that_is_absent_is_given_back_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / "gone" / name
    assert find_slides([path]) == (path,) == files_of(path)


def test_a_symlink_to_itself_is_given_back_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.svs"
    path.symlink_to(path.name)
    assert find_slides([path]) == (path,) == files_of(path)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["s.svs", "s.vms", "s.tmap", "s.dcm", "s"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    assert find_slides([tmp_path]) == ()
    path = tmp_path / name
    assert find_slides([path]) == (path,) == files_of(path)


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which nothing may be looked at: by hand, since root may look everywhere."""
    folder = touched(tmp_path / "closed" / "s.svs").parent
    stat = os.stat

    def refuse(path: object, *rest: object, **more: object) -> os.stat_result:
        if folder in Path(str(path)).parents:
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, *rest, **more)

    monkeypatch.setattr("os.stat", refuse)
    monkeypatch.setattr("os.access", lambda path, _: Path(path) != folder)
    return folder


@pytest.mark.parametrize("name", ["s.svs", "s.mrxs", "s.tmap", "s.vms", "inner", "s"])
def test_a_path_behind_a_closed_door_is_given_back_alone(closed: Path, name: str) -> None:
    assert find_slides([closed / name]) == (closed / name,) == files_of(closed / name)


def test_a_folder_whose_files_may_not_be_looked_at_is_given_back(closed: Path) -> None:
    touched(closed.parent / "open.svs")
    assert find_slides([closed.parent]) == (closed, closed.parent / "open.svs")
    with pytest.raises(SlideUnreadable) as problem:
        files_of(closed)
    assert problem.value.code == "cannot-read"
    assert "closed" not in str(problem.value)


def test_spilled_files_of_a_tmap_belong_to_it(tmp_path: Path) -> None:
    main, spilled = touched(tmp_path / "s.TMAP"), touched(tmp_path / "s.DT1")
    touched(tmp_path / "t.DT1")
    assert find_slides([tmp_path]) == (main,)
    assert files_of(main) == (main, spilled)


@pytest.mark.real_data
def test_the_folder_of_real_slides_gives_each_slide_once(
    real_data: Callable[..., Path],
) -> None:
    folder = real_data("slides")
    names = [p.relative_to(folder).as_posix() for p in find_slides([folder])]
    assert names == [
        "CMU-1-Small-Region.svs",
        "TCGA-CR-7395-01A-01-TS1.svs",
        "cmu1_dicom",
        "refused/fluorescence_dapi.ndpi",
        "refused/pathml_small_dicom.dcm",
        "refused/pathml_small_vectra.qptiff",
        "refused/pathml_smalltif.tif",
    ]
