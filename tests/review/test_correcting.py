"""A correction on the page: foreseen at once, kept as a result of its own, never over another's."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from pathology.exchange.cells_parquet import CellsWriter
from pathology.exchange.documents import validate
from pathology.pipeline import store
from pathology.pipeline.correct import foresee
from pathology.pipeline.recount import remembered
from pathology.records.correction import CallOrder, Correction
from pathology.records.prediction import CellClass, Nuclei, Positivity
from pathology.review.app import review_app
from pathology.review.kept_correction import KeptCorrection
from tests.review.conftest import ORIGIN
from tests.review.packing import centres, unpack
from tests.review.painted_desk import SITE, PaintedDesk
from tests.review.real_desk import real_desk
from tests.review.sessions import COOKIE, TwoSessions

SQUARE = (203.5, 151.5, 902.5, 851.5)


def area(kind: str, left: float, top: float, right: float, bottom: float, name: str = "") -> Any:
    ring = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"kind": kind, "region_id": name or f"drawn-{kind}"},
    }


TUMOUR = area("tumour", *SQUARE)


@pytest.fixture
def own(painted_desk: PaintedDesk, tmp_path: Path) -> PaintedDesk:
    return painted_desk.copied(tmp_path)


@pytest.fixture
def told_of() -> list[KeptCorrection]:
    return []


@pytest.fixture
def reader(
    own: PaintedDesk, gate: TwoSessions, told_of: list[KeptCorrection]
) -> Iterator[TestClient]:
    desk = replace(own.desk(gate), kept=told_of.append)
    with TestClient(
        review_app(desk), cookies={COOKIE: gate.reader}, headers={"Origin": ORIGIN}
    ) as found:
        yield found


def inside(desk: PaintedDesk, left: float, top: float, right: float, bottom: float) -> Any:
    x, y = desk.painting.centres_px.T
    return (x > left) & (x < right) & (y > top) & (y < bottom)


def finding(told: Any, name: str = "ki67.global") -> Any:
    return next(f for f in told["findings"] if f["name"] == name)


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(p): (p.stat().st_mtime_ns, p.stat().st_size)
        for p in folder.rglob("*")
        if p.is_file() and p.name != store.LOCK
    }


def test_a_region_is_foreseen_and_nothing_is_written(reader: TestClient, own: PaintedDesk) -> None:
    before = files_of(own.results)
    told = reader.post(f"{own.address}/foresee", json={"regions": [TUMOUR]}).json()
    held, brown = inside(own, *SQUARE), own.painting.brown
    assert (finding(told)["part"], finding(told)["whole"]) == ((held & brown).sum(), held.sum())
    assert told["confirmed"] is True
    assert files_of(own.results) == before


def test_nuclei_called_otherwise_are_counted_otherwise(
    reader: TestClient, own: PaintedDesk
) -> None:
    negative = np.flatnonzero(~own.painting.brown & inside(own, *SQUARE))[:40].tolist()
    lymphocytes = np.flatnonzero(own.painting.brown & inside(own, *SQUARE))[:25].tolist()
    first = finding(reader.get(own.address).json())
    body = {
        "nuclei": [
            {"cells": negative, "positive": True},
            {"cells": lymphocytes, "class": "lymphocyte"},
        ]
    }
    told = reader.post(f"{own.address}/foresee", json=body).json()
    again = finding(told)
    assert (again["part"], again["whole"]) == (first["part"] + 40 - 25, first["whole"] - 25)
    assert (told["nuclei_called"], told["confirmed"]) == (65, False)
    assert any("65" in caveat for caveat in again["caveats"])


def test_a_moved_place_is_counted_where_it_is(reader: TestClient, own: PaintedDesk) -> None:
    field = area("field", 500, 400, 520, 420, "field-2")
    told = reader.post(f"{own.address}/foresee", json={"regions": [TUMOUR, field]}).json()
    (moved,) = [r for r in told["regions"] if r["id"] == "field-2"]
    left, top, right, bottom = moved["bounds"]
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx((510, 410), abs=0.5)
    assert moved["source"] == "person"


def test_what_is_kept_is_what_was_foreseen(
    reader: TestClient, own: PaintedDesk, told_of: list[KeptCorrection]
) -> None:
    brown = np.flatnonzero(own.painting.brown & inside(own, *SQUARE))[:30].tolist()
    body = {
        "regions": [TUMOUR, area("necrosis", 400, 400, 600, 600)],
        "nuclei": [{"cells": brown, "positive": False}],
    }
    before = files_of(own.folder)
    seen = reader.post(f"{own.address}/foresee", json=body).json()
    kept = reader.post(f"{own.address}/keep", json={**body, "why": "region", "note": "seen"})
    assert kept.status_code == 200, kept.text
    address = kept.json()["address"].replace("/slides/", "/results/")
    told = reader.get(address).json()
    assert [f["value"] for f in told["findings"] if "value" in f] == [
        f["value"] for f in seen["findings"] if "value" in f
    ]
    assert (told["author"], told["supersedes"]) == ("reader", own.address[len("/results/") :])
    assert told["tumour_region_source"] == "confirmed"
    assert files_of(own.folder) == before, "both versions stay"
    folder = own.results / kept.json()["result_id"]
    correction = json.loads((folder / "correction.json").read_text())
    validate(correction, "correction-1")
    assert [n["cell_id"] for n in correction["nuclei"]] == brown
    assert "seen" not in (folder / "correction.json").read_text()  # own words are elsewhere
    table = pq.read_table(folder / "cells.parquet").to_pylist()
    assert {table[i]["positive"] for i in brown} == {False}
    assert {table[i]["class_probability"] for i in brown} == {1.0}
    (line,) = told_of
    assert (line.note, line.why, line.actor.name) == ("seen", "region", "reader")
    assert (line.supersedes, line.result_id) == (told["supersedes"], kept.json()["result_id"])


def test_a_correction_of_a_correction_knows_both(reader: TestClient, own: PaintedDesk) -> None:
    first = {"nuclei": [{"cells": [3, 5], "class": "other"}], "why": "nuclei"}
    made = reader.post(f"{own.address}/keep", json=first).json()["result_id"]
    second = {"nuclei": [{"cells": [5, 8], "class": "stroma"}], "why": "nuclei"}
    again = reader.post(f"/results/{made}/keep", json=second).json()["result_id"]
    told = json.loads((own.results / again / "correction.json").read_text())
    assert told["called_by_person"] == [3, 5, 8]
    table = pq.read_table(own.results / again / "cells.parquet")["class"].to_pylist()
    assert [table[i] for i in (3, 5, 8)] == ["other", "stroma", "stroma"]


def test_the_later_of_two_is_told_and_writes_nothing(reader: TestClient, own: PaintedDesk) -> None:
    body = {"regions": [TUMOUR], "why": "region"}
    first = reader.post(f"{own.address}/keep", json=body)
    before = files_of(own.results)
    other = area("tumour", 300, 300, 900, 800)
    late = reader.post(f"{own.address}/keep", json={"regions": [other], "why": "region"})
    assert (late.status_code, late.json()["code"]) == (409, "corrected-meanwhile")
    assert first.json()["result_id"] in late.json()["detail"]
    assert files_of(own.results) == before
    (later,) = reader.get(own.address).json()["later"]  # who looks at the old one is told
    assert (later["author"], later["result_id"]) == ("reader", first.json()["result_id"])
    again = reader.post(f"{own.address}/keep", json=body)  # the answer was lost on the way
    assert again.json() == first.json()


def test_while_another_program_writes_nothing_is_lost(reader: TestClient, own: PaintedDesk) -> None:
    with store.only_writer(own.results):
        refused = reader.post(f"{own.address}/keep", json={"regions": [TUMOUR], "why": "region"})
    assert (refused.status_code, refused.json()["code"]) == (503, "not-written")
    assert refused.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"regions": [area("necrosis", 400, 400, 600, 600)]}, "no tumour region"),
        ({"regions": [area("stroma", 400, 400, 600, 600)]}, "measured, not drawn"),
        ({"regions": [area("tumour", 9000, 9000, 9100, 9100)]}, "beside this slide"),
        ({"regions": "x"}, "no lists"),
        ({"nuclei": [{"cells": [10**6], "positive": True}]}, "does not hold"),
        ({"nuclei": [{"cells": ["1"], "positive": True}]}, "not called as can be"),
        ({"nuclei": [{"cells": [True], "positive": True}]}, "not called as can be"),
        ({"nuclei": [{"cells": [1], "class": "<b>"}]}, "not called as can be"),
        ({"nuclei": [{"cells": [1], "positive": "yes"}]}, "not called as can be"),
        ({"nuclei": [{"cells": list(range(20001)), "positive": True}]}, "more than 20000 nuclei"),
    ],
)
def test_what_is_no_correction_is_refused(
    body: dict[str, Any], why: str, client: TestClient, painted_desk: PaintedDesk
) -> None:
    answer = client.post(f"{painted_desk.address}/foresee", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "cannot")
    assert why in answer.json()["detail"]


@pytest.mark.parametrize("body", [b"[1]", b"{", b'"x"'])
def test_a_body_that_is_no_table_is_refused(
    body: bytes, client: TestClient, painted_desk: PaintedDesk
) -> None:
    headers = {"Content-Type": "application/json"}
    for act in ("foresee", "keep", "inside"):
        answer = client.post(f"{painted_desk.address}/{act}", content=body, headers=headers)
        assert answer.status_code in (400, 422)


def test_a_lasso_holds_the_nuclei_in_it(client: TestClient, painted_desk: PaintedDesk) -> None:
    outline = [[203.5, 151.5], [902.5, 151.5], [500, 851.5]]
    answer = client.post(f"{painted_desk.address}/inside", json={"outline": outline})
    told, arrays = unpack(answer.content)
    at = centres(*unpack(client.get(f"{painted_desk.address}/points").content))
    truth = painted_desk.painting.centres_px
    assert np.abs(at[arrays["place"]] - truth[arrays["cell"]]).max() < 0.1
    (ax, ay), (bx, by), (cx, cy) = outline
    x, y = truth.T
    sides = [
        (x - px) * (qy - py) - (y - py) * (qx - px)
        for (px, py), (qx, qy) in (((ax, ay), (bx, by)), ((bx, by), (cx, cy)), ((cx, cy), (ax, ay)))
    ]
    held = np.flatnonzero(np.all(np.array(sides) < 0, axis=0))
    assert sorted(arrays["cell"].tolist()) == held.tolist()
    assert told["number"] == len(held) > 50


def test_an_automatic_region_may_be_taken_over(
    client: TestClient, painted_desk: PaintedDesk
) -> None:
    told = client.get(f"{painted_desk.address}/editing").json()
    assert told["account"] == "reader"
    assert {r["id"] for r in told["regions"] if r["form"] == "place"} >= {"field-1", "field-2"}
    assert "tissue" in {r["id"] for r in told["regions"] if r["form"] == "adoptable"}
    polygons = client.get(f"{painted_desk.address}/adopt?region=tissue").json()["polygons"]
    feature = {
        "type": "Feature",
        "geometry": {"type": "MultiPolygon", "coordinates": polygons},
        "properties": {"kind": "tumour", "region_id": "drawn-1"},
    }
    answer = client.post(f"{painted_desk.address}/foresee", json={"regions": [feature]})
    assert finding(answer.json())["whole"] > 1000
    assert client.get(f"{painted_desk.address}/adopt?region=nothing").status_code == 404


@pytest.mark.slow
def test_a_correction_of_a_hundred_thousand_nuclei_is_foreseen_within_two_seconds(
    own: PaintedDesk,
) -> None:
    """Processor time: the machine may be busy, the program may not be slow."""
    rng, n = np.random.default_rng(1), 100_000
    nuclei = Nuclei(
        centre_px0=rng.uniform((60, 60), (1440, 1040), (n, 2)),
        area_um2=np.full(n, 50, np.float32),
        cell_class=np.full(n, CellClass.TUMOUR, np.uint8),
        class_probability=np.ones(n, np.float32),
        dab_od=np.zeros(n, np.float32),
        positive=rng.choice([Positivity.POSITIVE, Positivity.NEGATIVE], n).astype(np.int8),
        outline_px0=np.empty((0, 2), np.float32),
        outline_start=np.zeros(n + 1, np.int64),
    )
    with CellsWriter(own.folder / "cells.parquet") as writer:
        writer.add(nuclei)
    memory = remembered(own.folder, SITE)
    order = CallOrder(cell_ids=tuple(range(20_000)), positive=Positivity.POSITIVE)
    start = time.process_time()
    told = foresee(memory, Correction(orders=(order,)))
    assert time.process_time() - start < 2
    assert len(told.calls) == np.count_nonzero(nuclei.positive[:20_000] != Positivity.POSITIVE)


def test_a_kept_correction_is_a_line_that_names_no_file(own: PaintedDesk, tmp_path: Path) -> None:
    with real_desk(own, tmp_path / "ledger") as desk:
        desk.person("wang", "pathologist")
        with desk.browser(desk.token("wang")) as browser:
            kept = browser.post(f"{own.address}/keep", json={"regions": [TUMOUR], "why": "region"})
        assert kept.status_code == 200, kept.text
        (line,) = [e for e in desk.ledger.audit.lines() if e.act == "correct-result"]
    made = kept.json()["result_id"].rpartition("/")[2]
    assert (line.actor, line.after) == ("wang", {"result": made, "why": "region"})
    assert line.subject.endswith(f"/{own.folder.name}")
    assert own.slide_id not in line.subject
    assert (
        json.loads((own.results / own.slide_id / made / "findings.json").read_text())["author"]
        == "wang"
    )
