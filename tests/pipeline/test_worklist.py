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
