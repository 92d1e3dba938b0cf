"""How quick the review page is: tiles, a million nuclei, frames. ``scripts/bench review [frames]``.

With ``frames`` only those are measured, with nuclei shown and hidden in turn.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from pathology.exchange.cells_parquet import CellsWriter
from pathology.pipeline.identity import content_digest
from pathology.pipeline.recount import count_region, remembered
from pathology.records.prediction import Nuclei
from pathology.records.region import Polygon, Ring, SlideRegion
from pathology.review.desk import Desk
from pathology.review.serve import Address, server_of
from tests.painted_large import write_large_slide
from tests.review.conftest import FLAGS, Served, free_port
from tests.review.painted_desk import SITE, paint_desk
from tests.review.sessions import COOKIE, TwoSessions

SIDE = 20_000
MILLION = 1_000_000
CORNERS = 12
ROUNDS = 2
NAME = "ki67-00000000"
REAL = Path(__file__).parents[3] / "shared" / "data" / "slides" / "CMU-1-Small-Region.svs"


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-review-"))
    try:
        measure(folder)
    finally:
        shutil.rmtree(folder)


def measure(folder: Path) -> None:
    print(f"cores {os.cpu_count()}, load {os.getloadavg()[0]:.1f}")
    small = paint_desk(folder)
    large = write_large_slide(folder / "large.tif", SIDE)
    slides = {"large-00000000": (large, SIDE, SIDE, 0.25)}
    if REAL.exists():
        slides["cmu-00000000"] = (REAL, 2220, 2967, 0.499)
    out = folder / "results"
    for slide_id, told in slides.items():
        as_result(small.folder, out / slide_id / NAME, slide_id, *told)
    with CellsWriter(out / "large-00000000" / NAME / "cells.parquet") as writer:
        for part in range(20):
            writer.add(nuclei(MILLION // 20, seed=part))
    gate = TwoSessions()
    desk = Desk(
        results=out,
        slide_of=lambda i: slides[i][0] if i in slides else None,
        settings=SITE,
        gate=gate,
    )
    port = free_port()
    server = server_of(desk, Address(host="127.0.0.1", port=port))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    served = Served(url=f"http://127.0.0.1:{port}", token=gate.reader)
    if "frames" in sys.argv[1:]:
        frames(served, f"/slides/large-00000000/{NAME}")
        server.should_exit = True
        return
    for slide_id in slides:
        tiles(served, f"/results/{slide_id}/{NAME}")
    million(served, f"/results/large-00000000/{NAME}")
    counting(small.folder)
    frames(served, f"/slides/large-00000000/{NAME}")
    server.should_exit = True


def as_result(
    source: Path, target: Path, slide_id: str, path: Path, width: int, height: int, mpp: float
) -> None:
    """A result of another slide, for what is shown and not for what it says."""
    shutil.copytree(source, target)
    for name in ("findings.json", "run.json"):
        told = json.loads((target / name).read_text())
        told["result_id"] = f"{slide_id}/{NAME}"
        told["slide"] |= {"id": slide_id, "digest": content_digest([path])}
        if name == "findings.json":
            told["slide"] |= {"width_px0": width, "height_px0": height, "mpp_x": mpp, "mpp_y": mpp}
        (target / name).write_text(json.dumps(told))


def nuclei(n: int, seed: int) -> Nuclei:
    """In a strip of their own, as tiles are analysed."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform((0, seed * SIDE / 20), (SIDE, (seed + 1) * SIDE / 20), (n, 2))
    angle = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    ring = 12 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return Nuclei(
        centre_px0=centre,
        area_um2=np.full(n, 28, np.float32),
        cell_class=np.zeros(n, np.uint8),
        class_probability=np.full(n, 0.9, np.float32),
        dab_od=rng.random(n).astype(np.float32),
        positive=rng.integers(0, 2, n).astype(np.int8),
        outline_px0=(centre[:, None] + ring).reshape(-1, 2).astype(np.float32),
        outline_start=np.arange(n + 1) * CORNERS,
    )


class Asker:
    """One connection that is kept."""

    def __init__(self, served: Served) -> None:
        self._to = http.client.HTTPConnection(urlsplit(served.url).netloc)
        self._headers = {"Cookie": f"{COOKIE}={served.token}"}

    def __call__(self, path: str) -> tuple[float, bytes]:
        start = time.perf_counter()
        self._to.request("GET", path, headers=self._headers)
        answer = self._to.getresponse()
        content = answer.read()
        assert answer.status == 200, (answer.status, path)
        return 1000 * (time.perf_counter() - start), content


def quantiles(ms: list[float]) -> str:
    return f"p50 {statistics.median(ms):.1f} ms, p95 {np.percentile(ms, 95):.1f} ms"


def tiles(served: Served, address: str) -> None:
    ask = Asker(served)
    levels = json.loads(ask(f"{address}/view")[1])["levels"]
    rng = np.random.default_rng(2)
    paths = []
    for number, v in enumerate(levels):
        columns, rows = -(-v["width"] // v["tile_width"]), -(-v["height"] // v["tile_height"])
        places = rng.permutation(columns * rows)[:60].tolist()
        paths += [f"{address}/tiles/{number}/{p % columns}/{p // columns}" for p in places]
    rng.shuffle(paths)
    cold = [ask(p) for p in paths]
    warm = [ask(p)[0] for p in paths]
    kilobytes = statistics.mean(len(c) for _, c in cold) / 1000
    print(f"tiles {address}: {len(paths)} of {kilobytes:.0f} kB in the mean")
    print(f"  first time  {quantiles([ms for ms, _ in cold])}")
    print(f"  kept        {quantiles(warm)}")
    askers = [Asker(served) for _ in range(6)]
    with ThreadPoolExecutor(6) as threads:
        start = time.perf_counter()
        parts = [paths[n::6] for n in range(6)]
        took = list(
            threads.map(lambda a: [a[0](p)[0] for p in a[1]], zip(askers, parts, strict=True))
        )
        seconds = time.perf_counter() - start
    every = quantiles([m for t in took for m in t])
    print(f"  six readers {every}, {len(paths) / seconds:.0f} a second")


def million(served: Served, address: str) -> None:
    ask = Asker(served)
    first, content = ask(f"{address}/points")
    again, _ = ask(f"{address}/points")
    print(
        f"points {MILLION:,}: {len(content) / 1e6:.1f} MB, {first:.0f} ms first, "
        f"{again:.0f} ms again"
    )
    times = []
    for n in range(30):
        box = f"left={400 * n}&top={500 * n}&width=1400&height=1000"
        times.append(ask(f"{address}/outlines?{box}")[0])
    print(f"outlines of a view: {quantiles(times)}")
    times = [ask(f"{address}/nucleus?x={500 * n}&y={480 * n}&reach=50")[0] for n in range(1, 31)]
    print(f"a click: {quantiles(times)}")


def counting(folder: Path) -> None:
    n = 100_000
    rng = np.random.default_rng(1)
    few = nuclei(n, seed=0)
    object.__setattr__(few, "centre_px0", rng.uniform((60, 60), (1440, 1040), (n, 2)))
    with CellsWriter(folder / "cells.parquet") as writer:
        writer.add(few)
    start = time.perf_counter()
    memory = remembered(folder, SITE)
    read = time.perf_counter() - start
    corners = np.array([[20.0, 20], [1480, 20], [1480, 1080], [20, 1080]])
    drawn = SlideRegion(
        region_id="drawn", kind="tumour", polygons=(Polygon(outer=Ring(points_px0=corners)),)
    )
    start, cpu = time.perf_counter(), time.process_time()
    told = count_region(memory, (drawn,))
    print(
        f"counting {told.nuclei:,} nuclei: {time.perf_counter() - start:.2f} s "
        f"({time.process_time() - cpu:.2f} s of processor), reading them first {read:.2f} s"
    )


SCRIPT = """async ([shown, seconds]) => {
  const {scan, nuclei, layers} = window.pathologyDesk;
  const view = scan.viewer.viewport; const times = [];
  layers.toggle("nuclei", shown);
  let last = performance.now(); const end = last + 1000 * seconds; let angle = 0;
  let moving = 0;
  view.zoomTo(view.getHomeZoom() * 2, null, true);
  while (performance.now() < end) {
    angle += 0.05;
    const at = (turn) => 0.5 + 0.2 * turn(angle);
    view.panTo(new OpenSeadragon.Point(at(Math.cos), at(Math.sin)), true);
    if (angle % 3 < 0.05) view.zoomBy(1.05, null, true);
    await new Promise(requestAnimationFrame);
    const now = performance.now(); times.push(now - last); last = now;
    moving = nuclei.points.drawn;
  }
  scan.rest(); const start = performance.now(); nuclei.points.gl.finish();
  return {times, moving, drawn: nuclei.points.drawn, number: nuclei.points.number,
          rest: performance.now() - start};
}"""


def frames(served: Served, path: str) -> None:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        print("frames: chromium is not installed", file=sys.stderr)
        return
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=list(FLAGS))
        profile = browser.new_context(viewport={"width": 1366, "height": 768})
        profile.set_default_timeout(180_000)
        profile.add_cookies([{"name": COOKIE, "value": served.token, "url": served.url}])
        tab = profile.new_page()
        start = time.perf_counter()
        tab.goto(served.url + path)
        tab.wait_for_selector("body[data-ready=true]")
        ready = time.perf_counter() - start
        print(f"frames, software rendering, load {os.getloadavg()[0]:.1f}: ready in {ready:.1f} s")
        for shown in (False, True) * ROUNDS:
            before = processor_s()
            told = tab.evaluate(SCRIPT, [shown, 8])
            used = processor_s() - before
            panned(f"nuclei {'shown' if shown else 'hidden'}, {used:.1f} s of processor", told)
        browser.close()


def processor_s() -> float:
    """Processor time of all browsers that this program has started, which a busy machine spares."""
    parents, ticks = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        pid = int(stat.parent.name)
        parents[pid], ticks[pid] = int(fields[1]), int(fields[11]) + int(fields[12])
    family, more = {os.getpid()}, {os.getpid()}
    while more:
        more = {p for p, parent in parents.items() if parent in more}
        family |= more
    return sum(ticks[p] for p in family - {os.getpid()}) / os.sysconf("SC_CLK_TCK")


def panned(what: str, told: dict[str, Any]) -> None:
    times = told["times"]
    print(
        f"  {what}: {1000 * len(times) / sum(times):.1f} a second, p50 {np.median(times):.0f} ms, "
        f"p95 {np.percentile(times, 95):.0f} ms; {told['moving']:,} of {told['number']:,} drawn "
        f"while moving, {told['drawn']:,} at rest",
        flush=True,
    )


if __name__ == "__main__":
    main()
