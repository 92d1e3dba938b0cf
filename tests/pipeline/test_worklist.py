"""What was typed, as orders."""

from __future__ import annotations

from pathlib import Path

import pytest

from pathology.errors import UsageError
from pathology.pipeline.worklist import Asked, orders_from


@pytest.fixture
def slides(tmp_path: Path) -> Path:
    for name in ("a.svs", "b.ndpi", "notes.txt"):
        (tmp_path / name).write_text("x")
    return tmp_path


def test_a_folder_is_its_slides_in_order(slides: Path) -> None:
    orders = orders_from([slides], Asked(analysis="infiltration"))
    assert [o.path.name for o in orders] == ["a.svs", "b.ndpi"]
    assert {(o.marker, o.marker_source) for o in orders} == {(None, "none")}


def test_a_slide_named_twice_is_one_order(slides: Path) -> None:
    assert len(orders_from([slides, slides / "a.svs"], Asked(analysis="ki67"))) == 2


def test_asking_for_ki67_says_that_it_is_ki67(slides: Path) -> None:
    (order,) = orders_from([slides / "a.svs"], Asked(analysis="ki67", mpp=0.25))
    assert (order.marker, order.marker_source) == ("ki67", "user")
    assert order.said is not None
    assert (order.said.mpp, order.said.source) == (0.25, "user")


def test_the_manifest_stands_before_the_command_line(slides: Path) -> None:
    (slides / "night.csv").write_text(
        "slide,analysis,marker,mpp\na.svs,ki67,p53,0.5\nb.ndpi,ki67,,\na.svs,infiltration,,\n"
    )
    one, two, three = orders_from([slides / "night.csv"], Asked(marker="MIB-1", mpp=0.25))
    assert (one.marker, one.marker_source, one.said.mpp) == ("p53", "manifest", 0.5)
    assert (two.marker, two.marker_source, two.said.mpp) == ("MIB-1", "user", 0.25)
    assert (three.marker, three.marker_source, three.said.source) == (None, "none", "user")


@pytest.mark.parametrize(
    ("asked", "message"),
    [(Asked(), "--analysis"), (Asked(analysis="infiltration", marker="ki67"), "--marker")],
)
def test_what_makes_no_sense_is_said(slides: Path, asked: Asked, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        orders_from([slides / "a.svs"], asked)


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no slide"):
        orders_from([tmp_path], Asked(analysis="ki67"))


def test_a_link_to_a_slide_is_the_slide(slides: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (slides / "again.svs").symlink_to(slides / "a.svs")
    monkeypatch.chdir(slides)
    named = [Path("a.svs"), slides / "again.svs", slides / ".." / slides.name / "a.svs"]
    (order,) = orders_from(named, Asked(analysis="ki67"))
    assert order.path == slides / "a.svs"


@pytest.mark.parametrize("name", ["gone.svs", "a.svs/inside.svs", "gone/s.tmap"])
def test_a_path_that_is_not_there_is_wrong_usage(slides: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no such file or folder"):
        orders_from([slides / name], Asked(analysis="ki67"))


def test_a_name_too_long_for_any_disk_is_wrong_usage(slides: Path) -> None:
    with pytest.raises(UsageError, match="File name too long") as problem:
        orders_from([slides / ("n" * 300)], Asked(analysis="ki67"))
    assert len(str(problem.value)) < 200


def test_a_closed_door_is_wrong_usage(slides: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:  # by hand, since root may look everywhere
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "lstat", refuse)
    with pytest.raises(UsageError, match=r"a\.svs: cannot be read \(Permission denied\)"):
        orders_from([slides / "a.svs"], Asked(analysis="ki67"))


def test_a_link_that_leads_nowhere_is_an_order_that_will_fail(slides: Path) -> None:
    (slides / "link.svs").symlink_to(slides / "gone.svs")
    (order,) = orders_from([slides / "link.svs"], Asked(analysis="ki67"))
    assert order.path.name == "link.svs"


@pytest.mark.parametrize("name", ["n" * 300, "gone/s.tmap", "gone/s.vms"])
def test_a_row_of_a_manifest_is_an_order_whatever_it_names(slides: Path, name: str) -> None:
    (slides / "night.csv").write_text(f"slide,analysis\n{name},ki67\n")
    (order,) = orders_from([slides / "night.csv"], Asked())
    assert order.path == slides / name
