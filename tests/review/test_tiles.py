"""Tiles are the scan: the scanner's own pixels where they can be, never others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from starlette.testclient import TestClient

from pathology.exchange.stored_result import read_result
from pathology.records.geometry import Box
from pathology.review.app import review_app
from pathology.review.slide_rack import ScanAway, SlideRack
from pathology.slides.open import open_slide
from tests.painted import paint_nuclei, write_tiff
from tests.review.painted_desk import SITE, PaintedDesk
from tests.review.sessions import COOKIE, TwoSessions


def view(client: TestClient, desk: PaintedDesk) -> list[dict[str, int]]:
    levels: list[dict[str, int]] = client.get(f"{desk.address}/view").json()["levels"]
    return levels


def test_levels_halve_down_to_one_tile(client: TestClient, painted_desk: PaintedDesk) -> None:
    levels = view(client, painted_desk)
    assert [level["downsample"] for level in levels] == [1, 2, 4]
    assert [(v["width"], v["height"]) for v in levels] == [(1500, 1100), (750, 550), (375, 275)]
    assert [v["tile_width"] for v in levels] == [256, 256, 512]  # two are stored


def test_every_tile_shows_what_the_slide_holds(
    client: TestClient, painted_desk: PaintedDesk
) -> None:
    scale = SITE.site.scale
    with open_slide(painted_desk.slide, slide_id="s", scale=scale) as slide:
        for number, v in enumerate(view(client, painted_desk)):
            for column in range(-(-v["width"] // v["tile_width"])):
                for row in range(-(-v["height"] // v["tile_height"])):
                    answer = client.get(f"{painted_desk.address}/tiles/{number}/{column}/{row}")
                    assert answer.headers["content-type"] == "image/jpeg"
                    x, y = column * v["tile_width"], row * v["tile_height"]
                    width = min(v["tile_width"], v["width"] - x)
                    height = min(v["tile_height"], v["height"] - y)
                    seen = simplejpeg.decode_jpeg(answer.content)
                    box = Box(x, y, width, height)
                    held = slide.read(box, downsample=float(v["downsample"])).pixels
                    assert seen.shape == held.shape
                    stored = number < 2 and (width, height) == (256, 256)
                    off = np.abs(seen.astype(int) - held)
                    assert off.max() == 0 if stored else off.mean() < 4  # of 255: quality 90


def test_a_tile_may_be_kept_by_this_browser_alone(
    client: TestClient, painted_desk: PaintedDesk
) -> None:
    path = f"{painted_desk.address}/tiles/0/1/1"
    first = client.get(path)
    assert first.headers["cache-control"] == "private, max-age=600"
    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_another_scan_is_not_shown_under_a_result(
    painted_desk: PaintedDesk, gate: TwoSessions, tmp_path: Path
) -> None:
    other = write_tiff(tmp_path / "other.tif", paint_nuclei(width=1500, height=1100, seed=9).pixels)
    rack = SlideRack(lambda _: other, SITE)
    result = read_result(painted_desk.folder)
    with pytest.raises(ScanAway, match="another scan"):
        rack.tile(result, 0, 0, 0)


def test_without_the_scan_the_rest_is_shown(painted_desk: PaintedDesk, gate: TwoSessions) -> None:
    app = review_app(painted_desk.desk(gate, scan=False))
    with TestClient(app, cookies={COOKIE: gate.reader}) as client:
        answer = client.get(f"{painted_desk.address}/view")
        assert (answer.status_code, answer.json()["code"]) == (422, "scan-away")
        assert client.get(painted_desk.address).status_code == 200
        assert client.get(f"{painted_desk.address}/points").status_code == 200


def test_a_damaged_stored_tile_is_white_and_not_half_a_picture(tmp_path: Path) -> None:
    from pathology.slides.view_tiles import view_levels, view_tile
    from tests.painted_tiff import overwrite_tile

    path = write_tiff(tmp_path / "s.tif", paint_nuclei(width=1024, height=768).pixels)
    overwrite_tile(path, 5, "zeroed")
    with open_slide(path, slide_id="s", scale=SITE.site.scale) as slide:
        level = view_levels(slide, 512)[0]
        jpeg = view_tile(slide, level, 1, 1, quality=90)
    assert simplejpeg.decode_jpeg(jpeg).min() > 250


def test_open_scans_and_kept_tiles_are_bounded(painted_desk: PaintedDesk) -> None:
    from concurrent.futures import ThreadPoolExecutor
    from dataclasses import replace

    view_settings = replace(SITE.review.view, open_slides=2, tile_cache_mib=1)
    settings = replace(SITE, review=replace(SITE.review, view=view_settings))
    rack = SlideRack(lambda _: painted_desk.slide, settings)
    result = read_result(painted_desk.folder)
    places = [(0, c, r) for c in range(6) for r in range(5)] * 2
    with ThreadPoolExecutor(8) as threads:
        tiles = list(threads.map(lambda at: rack.tile(result, *at), places))
    assert all(tile[:2] == b"\xff\xd8" for tile in tiles)
    assert rack.open_now <= 2
    assert rack.tile_bytes <= 2**20
    rack.close()
    assert rack.open_now == 0
