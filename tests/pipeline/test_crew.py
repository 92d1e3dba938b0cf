"""Whatever happens to workers, scheduler or slides is an outcome, told once."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pathology.errors import ClusterError
from pathology.pipeline.crew import Crew
from pathology.pipeline.outcome import TRANSIENT
from pathology.pipeline.settings import load_settings
from pathology.pipeline.stages import run_slide
from pathology.records.reasons import REASONS
from tests.pipeline import faults
from tests.sites import classical
from tests.tiny_models import install_tiny


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return faults.tiny_slide(tmp_path_factory.mktemp("slides") / "tiny.tif")


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    """One worker, and as many faults as come."""
    with faults.a_crew(1) as crew:
        yield crew


def test_an_item_is_done_and_its_outcome_says_what_a_ledger_asks(
    crew: Crew, slide: Path, tmp_path: Path
) -> None:
    assert crew.room == 2
    crew.start(7, faults.job_of(slide, tmp_path))
    crew.start(8, faults.job_of(faults.no_slide(tmp_path / "none.svs"), tmp_path))
    assert crew.room == 0
    with pytest.raises(ValueError, match="no room"):
        crew.start(9, faults.job_of(slide, tmp_path))
    with pytest.raises(ValueError, match="already"):
        crew.start(8, faults.job_of(slide, tmp_path))
    told = faults.all_ended(crew, 2)
    assert (crew.room, crew.running()) == (2, {})
    crew.start(7, faults.job_of(slide, tmp_path))
    (kept,) = faults.all_ended(crew, 1).values()
    done = told[7].outcome
    assert (done.kind, told[7].row.state) == ("done", "done")
    assert done.result_folder is not None
    assert done.result_key is not None
    assert (tmp_path / done.result_folder / "findings.json").is_file()
    assert done.result_folder.endswith(done.result_key[:8])
    assert len(done.result_key) == 64  # eight characters would collide among many slides
    assert {"survey", "tiles", "findings", "write"} <= done.stage_s.keys()
    assert sum(done.stage_s.values()) < told[7].seconds
    assert done.tissue_mm2 == pytest.approx(0.04, rel=0.2)
    assert done.peak_gib is not None
    assert 0.05 < done.peak_gib < 2
    assert 0 <= done.drift["out_of_focus_share"] <= 1
    assert 4 < done.drift["nucleus_diameter_um"] < 12
    assert {"first_stain_red_od", "second_stain_blue_od", "glass_green"} <= done.drift.keys()
    assert (kept.row.state, kept.outcome.kind) == ("kept", "done")
    assert kept.outcome.result_key == done.result_key
    assert kept.outcome.stage_s == {}  # else the night's estimates would learn from it twice
    assert told[8].outcome.kind == "refused"
    assert told[8].outcome.reason_code == "not-a-slide"


def test_a_killed_worker_is_the_outcome_of_its_slide_alone(
    crew: Crew, slide: Path, tmp_path: Path
) -> None:
    crew.start(1, faults.job_of(slide, tmp_path))
    crew.start(2, faults.job_of(slide, tmp_path / "other"))
    faults.kill(faults.worker_at_work(crew, 1))
    told = faults.all_ended(crew, 2)
    assert (told[1].outcome.kind, told[1].outcome.reason_code) == ("transient", "worker-died")
    assert not list(tmp_path.glob("*/ki67-*"))
    assert told[2].outcome.kind == "done"  # by the worker that came after


def test_a_worker_that_hangs_meets_the_limit_and_the_others_go_on(
    slide: Path, tmp_path: Path
) -> None:
    own = faults.settings(slide_limit_s=20.0)
    with faults.a_crew(2, own) as crew:
        crew.start(1, faults.job_of(slide, tmp_path, own))
        stopped = faults.worker_at_work(crew, 1)
        faults.hang(stopped)
        refused = faults.no_slide(tmp_path / "none.svs")
        crew.start(2, faults.job_of(refused, tmp_path, own))
        told = faults.all_ended(crew, 2)
        faults.until(lambda: not psutil.pid_exists(stopped) or zombie(stopped), "it lives on")
        crew.start(3, faults.job_of(slide, tmp_path / "other", own))
        faults.hang(faults.worker_at_work(crew, 3))
        family = [faults.scheduler(crew), *faults.scheduler(crew).children(recursive=True)]
        leaving = time.monotonic()
    assert time.monotonic() - leaving < 15, "closing waits for a process that hangs"
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []
    assert (told[1].outcome.kind, told[1].outcome.reason_code) == ("transient", "time-limit")
    assert told[1].seconds >= 20
    assert told[2].outcome.reason_code == "not-a-slide"


def zombie(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_an_item_is_given_up_in_reserve_and_at_work(
    crew: Crew, slide: Path, tmp_path: Path
) -> None:
    crew.start(1, faults.job_of(slide, tmp_path))
    crew.start(2, faults.job_of(slide, tmp_path))
    worker = faults.worker_at_work(crew, 1)
    assert crew.running().keys() == {1}
    crew.abandon(2)
    crew.abandon(1)
    crew.abandon(3)  # nobody has it
    told = faults.all_ended(crew, 2)
    faults.until(lambda: worker not in {w.pid for w in faults.workers(crew)}, "it lives")
    crew.start(1, faults.job_of(slide, tmp_path))  # the item may come back
    (again,) = faults.all_ended(crew, 1).values()
    assert told[1].outcome.reason_code == "time-limit"
    assert told[2].outcome.reason_code == "interrupted"
    assert again.outcome.kind == "done"


def test_a_killed_scheduler_is_an_outcome_and_another_takes_its_place(
    crew: Crew, slide: Path, tmp_path: Path
) -> None:
    crew.start(1, faults.job_of(slide, tmp_path))
    crew.start(2, faults.job_of(slide, tmp_path / "other"))
    worker = faults.worker_at_work(crew, 1)
    first = faults.scheduler(crew)
    faults.hang(worker)  # even one that cannot hear of it must not outlive its scheduler
    first.kill()
    told = faults.all_ended(crew, 2)
    assert faults.scheduler(crew).pid != first.pid
    assert not psutil.pid_exists(worker) or zombie(worker)
    assert (told[1].outcome.kind, told[1].outcome.reason_code) == ("transient", "cluster-lost")
    assert told[2].outcome.kind == "done"


def test_workers_that_do_not_come_back_are_not_waited_for_all_night(
    slide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seconds are too long here, so that a start is already too long; another cluster is had."""
    monkeypatch.setattr("pathology.pipeline.workforce.DESERTED_S", 60.0)
    with faults.a_crew(1) as crew:
        crew.start(1, faults.job_of(slide, tmp_path))
        worker, first = faults.worker_at_work(crew, 1), faults.scheduler(crew)
        crew.start(2, faults.job_of(slide, tmp_path / "other"))
        monkeypatch.setattr("pathology.pipeline.workforce.DESERTED_S", 0.2)
        faults.kill(worker)
        told = faults.all_ended(crew, 1)
        faults.until(lambda: not crew.ended(0.1) and other(crew, first), "the same scheduler")
        monkeypatch.setattr("pathology.pipeline.workforce.DESERTED_S", 60.0)
        (end,) = faults.all_ended(crew, 1).values()
    assert told[1].outcome.reason_code == "worker-died"
    assert (end.item, end.outcome.kind) == (2, "done")


def other(crew: Crew, first: psutil.Process) -> bool:
    return faults.scheduler(crew).pid != first.pid


def test_a_scheduler_that_dies_over_and_over_is_said(
    monkeypatch: pytest.MonkeyPatch, slide: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr("pathology.pipeline.crew.RESTARTS", 1)
    with faults.a_crew(1) as crew:
        for item in range(2):
            crew.start(item, faults.job_of(slide, tmp_path))
            faults.hang(faults.worker_at_work(crew, item))
            faults.scheduler(crew).kill()
            (end,) = faults.all_ended(crew, 1).values()
            assert end.outcome.reason_code == "cluster-lost"
        with pytest.raises(ClusterError, match="before a slide was done"):
            crew.ended(1)


def test_workers_give_way_to_fresh_ones_and_no_slide_is_lost_or_doubled(
    slide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each worker is too old after its first slide, and slow to start on a machine under load."""
    monkeypatch.setenv("DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT", "100ms")
    own = faults.settings(worker_lifetime_s=0.001, lifetime_stagger_s=0)
    by: list[int | None] = []
    with faults.a_crew(1, own) as crew:
        for item in range(3):
            crew.start(item, faults.job_of(slide, tmp_path / str(item), own))
            by.append(faults.worker_at_work(crew, item))
            (end,) = faults.all_ended(crew, 1).values()
            assert (end.item, end.outcome.kind) == (item, "done")
    assert len(set(by)) == 3


def test_a_slide_replaced_while_it_is_looked_at_gives_no_result(
    crew: Crew, slide: Path, tmp_path: Path
) -> None:
    """The worker is held while another file takes the slide's place, then goes on."""
    path = tmp_path / "slide.tif"
    shutil.copy(slide, path)
    crew.start(1, faults.job_of(path, tmp_path / "out"))
    worker = psutil.Process(faults.worker_at_work(crew, 1))
    faults.until(
        lambda: bool(
            list((tmp_path / "out" / ".unfinished").glob("tiny*"))
            or list((tmp_path / "out" / ".unfinished").glob("slide*"))
        ),
        "not begun",
    )
    worker.suspend()
    faults.tiny_slide(tmp_path / "new.tif", seed=5).replace(path)
    worker.resume()
    (end,) = faults.all_ended(crew, 1).values()
    assert (end.outcome.kind, end.outcome.reason_code) == ("transient", "slide-changed")
    assert not list((tmp_path / "out").glob("*/ki67-*"))
    crew.start(1, faults.job_of(path, tmp_path / "out"))
    (again,) = faults.all_ended(crew, 1).values()
    assert again.outcome.kind == "done"
    assert again.outcome.digest != end.outcome.digest


def visible_cards(crew: Crew) -> dict[frozenset[str], str | None]:
    """What each worker has, and the cards that its process may see."""
    client = crew._force.cluster.client
    told = client.run(lambda: os.environ.get("CUDA_VISIBLE_DEVICES"))
    workers = client.scheduler_info()["workers"]
    return {frozenset(workers[a]["resources"]): cards for a, cards in told.items()}


def test_each_card_has_a_process_and_others_conclude(tmp_path: Path) -> None:
    """No card is here: torch sees none and computes on the processor, in the card's process."""
    install_tiny(tmp_path)
    own = classical(load_settings(), nuclei_ihc="tiny", folder=str(tmp_path))
    cluster = dataclasses.replace(own.site.cluster, cards=("3",))
    own = dataclasses.replace(own, site=dataclasses.replace(own.site, cluster=cluster))
    seen = faults.job_of(faults.tiny_slide(tmp_path / "slide.tif"), tmp_path / "out", own)
    seen = dataclasses.replace(seen, options=dataclasses.replace(seen.options, device="auto"))
    with faults.a_crew(1, own) as crew:
        assert visible_cards(crew) == {frozenset({"gpu"}): "3", frozenset({"cpu"}): ""}
        crew.start(1, seen)
        crew.start(2, faults.job_of(faults.no_slide(tmp_path / "none.svs"), tmp_path / "out"))
        told = faults.all_ended(crew, 2)
    assert told[1].outcome.kind == "done"
    assert "close_ups" in told[1].outcome.stage_s  # looked at by one, concluded by another
    assert told[2].outcome.reason_code == "not-a-slide"  # classical: never on the card
    assert list((tmp_path / "out" / ".unfinished").iterdir()) == []


def test_two_workers_share_the_last_slide(crew_of_two: Crew, slide: Path, tmp_path: Path) -> None:
    own = faults.settings(split_above_mib=0)
    once = run_slide(faults.job_of(slide, tmp_path / "once", own), lambda _: None)
    faults.until(lambda: len(crew_of_two.ended(0.1)) == 0 and ready(crew_of_two), "no two workers")
    crew_of_two.start(1, faults.job_of(slide, tmp_path / "shared", own), parts=2)
    assert len(crew_of_two._at_work) == 2
    (end,) = faults.all_ended(crew_of_two, 1).values()
    assert end.outcome.kind == "done"
    texts = [
        (tmp_path / where / (folder or "") / "findings.json").read_text()
        for where, folder in (
            ("once", once.outcome.result_folder),
            ("shared", end.outcome.result_folder),
        )
    ]
    assert texts[0] == texts[1]
    assert list((tmp_path / "shared" / ".unfinished").iterdir()) == []


def ready(crew: Crew) -> bool:
    crew._force.look_around(least_s=0)
    return len(crew._force.free()) == 2


@pytest.fixture
def crew_of_two() -> Iterator[Crew]:
    with faults.a_crew(2) as crew:
        yield crew


def test_every_reason_is_either_worth_a_new_try_or_not() -> None:
    assert REASONS.keys() >= TRANSIENT
    assert "damaged-file" not in TRANSIENT
    assert "gpu-memory" in TRANSIENT
