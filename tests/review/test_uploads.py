"""Slides that technicians send through the page: a real server, real bodies, a real browser."""

from __future__ import annotations

import base64
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pathology.nightly.at_the_page import NightAtPage
from pathology.nightly.options import NightSettings, load_night_settings
from pathology.pipeline.incoming_file import ASIDE
from pathology.review.desk import Desk
from tests.conftest import DATA
from tests.painted import paint_nuclei
from tests.painted_tiff import write_svs
from tests.review.conftest import serving
from tests.review.painted_desk import SITE, PaintedDesk
from tests.review.real_desk import RealDesk, real_desk
from tests.review.test_case_page import shot, tab_of, until

MIB = 2**20
REAL = DATA / "slides" / "CMU-1-Small-Region.svs"


@dataclass(kw_only=True)
class Place:
    """A served night with a watched folder, and who asks."""

    real: RealDesk
    watched: Path
    desk: Desk
    url: str = ""
    name: str = "tech"

    def call(self, path: str, body: bytes, kind: str) -> tuple[int, Any]:
        host = self.url.removeprefix("http://")
        token = self.real.token(self.name)
        headers = {"Origin": self.url, "Cookie": f"session={token}", "Content-Type": kind}
        with closing(http.client.HTTPConnection(host, timeout=120)) as connection:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def begin(self, data: bytes, name: str = "S26-1_A2.svs", **more: Any) -> tuple[int, Any]:
        told = {"name": name, "size": len(data), "head": base64.b64encode(data[:4096]).decode()}
        return self.call("/night/uploads", json.dumps(told | more).encode(), "application/json")

    def send(self, data: bytes, **more: Any) -> tuple[int, Any]:
        status, told = self.begin(data, **more)
        if status != 200:
            return status, told
        at = f"/night/uploads/{told['upload']}"
        return self.call(at, data, "application/octet-stream")

    def here(self) -> list[str]:
        return sorted(p.relative_to(self.watched).as_posix() for p in self.watched.rglob("*"))


def night_settings(watched: Path, **limits: Any) -> NightSettings:
    shipped = load_night_settings()
    sources = replace(shipped.nightly.sources, slides=(str(watched),))
    identity = shipped.nightly.identity
    if names := limits.pop("names", None):
        identity = replace(identity, file_names=(names,))
    rules = {"reserve_gib": 0.001, "at_once": 2, "stall_s": 2.0} | limits
    uploads = replace(shipped.run.review.uploads, **rules)
    run = replace(SITE, review=replace(SITE.review, uploads=uploads))
    return replace(
        shipped, nightly=replace(shipped.nightly, sources=sources, identity=identity), run=run
    )


@pytest.fixture
def limits() -> dict[str, Any]:
    return {}


@pytest.fixture
def place(painted_desk: PaintedDesk, tmp_path: Path, limits: dict[str, Any]) -> Iterator[Place]:
    watched = tmp_path / "watched"
    watched.mkdir()
    with real_desk(painted_desk, tmp_path / "ledger") as real:
        for name, role in (("tech", "technician"), ("dr.lin", "pathologist")):
            real.person(name, role)  # type: ignore[arg-type]
        settings = night_settings(watched, **dict(limits))
        real.more = {"night": NightAtPage(settings=settings, ledger=real.ledger)}
        desk = replace(real.desk(), settings=replace(settings.run, access=real.rules))
        with serving(desk) as url:
            yield Place(real=real, watched=watched, desk=desk, url=url)


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    pixels = paint_nuclei(width=700, height=600, mpp=0.5, seed=3).pixels
    return write_svs(tmp_path_factory.mktemp("scan") / "s.svs", pixels).read_bytes()


def test_a_slide_is_taken_and_ordered(place: Place, scan: bytes) -> None:
    wish = {"analysis": "ki67", "marker": "ki67", "priority": "stat"}
    status, told = place.send(scan, **wish)
    assert (status, told["held"]) == (200, None)
    assert place.here() == ["uploads", "uploads/S26-1_A2.svs"]
    (item,) = place.real.ledger.work.items()
    assert (item.name, item.order.priority) == (told["name"], "stat")
    assert item.order.path == (place.watched / "uploads" / "S26-1_A2.svs").resolve()
    line = [x for x in place.real.ledger.audit.lines() if x.act == "upload-slide"][-1]
    assert (line.actor, line.after["bytes"]) == ("tech", len(scan))
    assert "S26" not in json.dumps(dict(line.after)), "no name of a file in the chain"


def test_a_case_that_nobody_else_proves_is_not_joined(place: Place, scan: bytes) -> None:
    """What a technician states is one source of two that must agree, as of any slide."""
    status, _ = place.send(scan, analysis="infiltration", case_id="S26-99")
    assert status == 200
    (item,) = place.real.ledger.work.items()
    assert item.order.identity.accession is None or item.order.held is not None


@pytest.mark.parametrize("limits", [{"names": r"(?P<accession>S\d+-\d+)_.*"}])
def test_a_slide_whose_name_says_another_case_is_held(place: Place, scan: bytes) -> None:
    status, told = place.send(scan, analysis="ki67", marker="ki67", case_id="S26-2")
    assert status == 200
    assert told["held"]["en"] != told["held"]["zh"]
    (item,) = place.real.ledger.work.items()
    assert item.order.held is not None


def test_without_an_analysis_it_waits_for_its_order(place: Place, scan: bytes) -> None:
    assert place.send(scan) == (200, {"name": None, "held": None})
    assert place.real.ledger.work.items() == []
    assert place.here() == ["uploads", "uploads/S26-1_A2.svs"]


def test_a_damaged_slide_is_refused_in_words_and_gone(place: Place, scan: bytes) -> None:
    status, told = place.send(scan[: len(scan) // 2])
    assert (status, told["code"], told["detail"]) == (422, "upload", "damaged-file")
    assert told["reason"]["zh"] != told["reason"]["en"]
    assert place.here() == []
    assert "refuse-upload" in place.real.acts()


@pytest.mark.parametrize(
    ("name", "head", "code"),
    [
        ("x.mrxs", b"II*\0", "many-files"),
        ("x.dcm", bytes(128) + b"DICM", "many-files"),
        ("x.png", b"\x89PNG\r\n\x1a\n", "picture"),
        ("x.exe", b"MZ", "kind"),
        ("../..", b"II*\0", "name"),
    ],
)
def test_what_would_be_refused_is_refused_before_it_is_sent(
    place: Place, name: str, head: bytes, code: str
) -> None:
    status, told = place.begin(head + bytes(5000), name)
    assert (status, told["detail"]) == (422, code)
    assert place.here() == []


@pytest.mark.parametrize("limits", [{"largest_gib": 0.001}])
def test_larger_than_the_settings_say_is_refused_twice(place: Place, scan: bytes) -> None:
    data = scan + bytes(2 * MIB)
    status, told = place.begin(data)
    assert (status, told["detail"]) == (422, "size")
    _, told = place.begin(scan)
    at = f"/night/uploads/{told['upload']}"
    status, _ = place.call(at, data, "application/octet-stream")
    assert status in (413, 422), "whatever was announced"
    assert place.here() == []


@pytest.mark.parametrize("limits", [{"reserve_gib": 1e6}])
def test_no_room_is_told_before(place: Place, scan: bytes) -> None:
    status, told = place.begin(scan)
    assert (status, told["detail"]) == (507, "room")


@pytest.mark.parametrize("limits", [{"an_hour": 2, "at_once": 9}])
def test_more_than_an_hours_number_is_refused(place: Place, scan: bytes) -> None:
    assert [place.begin(scan, f"{n}.svs")[0] for n in range(3)] == [200, 200, 429]


def test_two_at_one_time_and_those_that_stall_are_given_up(place: Place, scan: bytes) -> None:
    for n in range(2):
        assert place.begin(scan, f"{n}.svs")[0] == 200
    status, told = place.begin(scan, "3.svs")
    assert (status, told["detail"]) == (429, "busy")
    time.sleep(2.2)
    assert place.begin(scan, "4.svs")[0] == 200
    assert len([p for p in place.here() if p.startswith(ASIDE) and "/" not in p]) == 1


def test_a_body_that_stops_or_breaks_leaves_nothing(place: Place, scan: bytes) -> None:
    for ends in ("stalls", "breaks"):
        _, told = place.begin(scan, f"{ends}.svs")
        host = place.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=30)
        connection.putrequest("POST", f"/night/uploads/{told['upload']}")
        token = place.real.token("tech")
        headers = {"Origin": place.url, "Cookie": f"session={token}"}
        headers |= {"Content-Type": "application/octet-stream", "Content-Length": str(len(scan))}
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(scan[: len(scan) // 2])
        if ends == "stalls":
            answer = connection.getresponse()
            assert json.loads(answer.read())["detail"] == "cut"
        connection.close()
        for _ in range(100):
            if not place.here():
                break
            time.sleep(0.05)
        assert place.here() == []


def test_an_upload_is_its_beginners_and_is_received_once(place: Place, scan: bytes) -> None:
    place.real.person("other", "technician")
    _, told = place.begin(scan)
    at = f"/night/uploads/{told['upload']}"
    place.name = "other"
    assert place.call(at, scan, "application/octet-stream")[0] == 404
    place.name = "dr.lin"
    assert place.begin(scan)[0] == 403
    assert place.call(at, scan, "application/octet-stream")[0] == 403
    place.name = "tech"
    assert place.call(at, scan, "application/json")[0] == 415
    assert place.call(at, scan, "application/octet-stream")[0] == 200
    assert place.call(at, scan, "application/octet-stream")[0] == 404
    assert place.begin(scan)[1]["detail"] == "there"


@pytest.mark.parametrize(
    "strange",
    [
        {"size": -1},
        {"size": True},
        {"size": "9"},
        {"head": "no base64!"},
        {"head": "A" * 20_000},
        {"name": 7},
        {"name": "x" * 501},
        {"case_id": 7},
        {"x": 1},
    ],
)
def test_a_wish_that_no_page_sends(place: Place, scan: bytes, strange: dict[str, Any]) -> None:
    assert place.begin(scan, **({"name": "x.svs"} | strange))[0] in (400, 422)
    assert place.here() == []


def test_a_page_that_ends_throws_away_what_was_on_its_way(
    painted_desk: PaintedDesk, tmp_path: Path, scan: bytes
) -> None:
    watched = tmp_path / "watched"
    watched.mkdir()
    with real_desk(painted_desk, tmp_path / "ledger") as real:
        real.person("tech", "technician")
        real.more = {"night": NightAtPage(settings=night_settings(watched), ledger=real.ledger)}
        with serving(real.desk()) as url:
            place = Place(real=real, watched=watched, desk=real.desk(), url=url)
            assert place.begin(scan)[0] == 200
            assert place.here()
        assert place.here() == []


def test_hundreds_of_megabytes_take_a_few_of_memory(place: Place, tmp_path: Path) -> None:
    """The server is this process: its peak is asked before and after."""
    size = 300 * MIB
    tiles = paint_nuclei(width=512, height=512, mpp=0.5, seed=1).pixels
    big = tmp_path / "big.svs"
    write_svs(big, tiles, levels=(1,))
    with big.open("r+b") as file:
        file.truncate(size)  # bytes behind the last tile, as some scanners write labels
    Path("/proc/self/clear_refs").write_text("5")  # the peak is told from now on
    before = peak_mib()
    worked = subprocess.run(
        [sys.executable, "-c", CLIENT, place.url, place.real.token("tech"), str(big)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert worked.stdout.strip() == "200", worked.stdout + worked.stderr
    grown = peak_mib() - before
    print(f"300 MiB sent: peak of the server's process grew by {grown:.0f} MiB")
    assert grown < 60
    assert (place.watched / "uploads" / "big.svs").stat().st_size == size


CLIENT = """
import base64, http.client, json, os, sys
url, token, path = sys.argv[1:]
host = url.removeprefix("http://")
headers = {"Origin": url, "Cookie": f"session={token}"}
with open(path, "rb") as file:
    head = base64.b64encode(file.read(4096)).decode()
    told = {"name": "big.svs", "size": os.path.getsize(path), "head": head}
    asked = http.client.HTTPConnection(host)
    asked.request("POST", "/night/uploads", json.dumps(told),
                  headers | {"Content-Type": "application/json"})
    upload = json.loads(asked.getresponse().read())["upload"]
    file.seek(0)
    sent = http.client.HTTPConnection(host)
    sent.request("POST", f"/night/uploads/{upload}", file, headers | {
        "Content-Type": "application/octet-stream", "Content-Length": str(told["size"])})
    print(sent.getresponse().status)
"""


def peak_mib() -> float:
    """Highest resident memory of this process so far, MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no peak is told")


@pytest.mark.skipif(not REAL.exists(), reason="the shared slides are not at hand")
def test_a_technician_drops_a_real_slide_and_a_damaged_one(
    place: Place, browser: Any, shots: Path | None, tmp_path: Path
) -> None:
    damaged = tmp_path / "S26-2_damaged.svs"
    damaged.write_bytes(REAL.read_bytes()[:900_000])
    tab = tab_of(browser, place.url, "tech")
    tab.goto(f"{place.url}/night")
    tab.wait_for_selector("body[data-ready=true]")
    tab.select_option("#upload-analysis", "infiltration")
    tab.set_input_files("#upload-files", [REAL, damaged])
    until(tab, "document.querySelectorAll('#uploads li[data-state=ordered]').length === 1")
    until(tab, "document.querySelectorAll('#uploads li[data-state=refused]').length === 1")
    assert "Copy it again" in tab.inner_text("#uploads")
    shot(tab, shots, "uploads-en")
    tab.click("#language")
    until(tab, "document.documentElement.lang === 'zh-Hans'")
    assert "未接收" in tab.inner_text("#uploads")
    shot(tab, shots, "uploads-zh")
    assert place.here() == ["uploads", f"uploads/{REAL.name}"]
    assert (place.watched / "uploads" / REAL.name).read_bytes() == REAL.read_bytes()
    (item,) = place.real.ledger.work.items()
    assert item.order.analysis == "infiltration"


def test_files_are_dropped(place: Place, browser: Any, scan: bytes) -> None:
    """A real drop: files of the page's own making, dragged onto the place."""
    tab = tab_of(browser, place.url, "tech")
    tab.goto(f"{place.url}/night")
    tab.wait_for_selector("body[data-ready=true]")
    tab.evaluate(
        """(armoured) => {
          const bytes = Uint8Array.from(atob(armoured), (c) => c.charCodeAt(0));
          const data = new DataTransfer();
          data.items.add(new File([bytes], "S26-3_B1.svs"));
          document.querySelector("#drop").dispatchEvent(
            new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        base64.b64encode(scan).decode(),
    )
    until(tab, "document.querySelectorAll('#uploads li[data-state=ordered]').length === 1")
    assert place.here() == ["uploads", "uploads/S26-3_B1.svs"]


def test_who_sends_no_slides_sees_no_place_for_them(place: Place, browser: Any) -> None:
    tab = tab_of(browser, place.url, "dr.lin")
    tab.goto(f"{place.url}/night")
    tab.wait_for_selector("body[data-ready=true]")
    assert tab.locator("#uploading").is_hidden()
