"""A real SLURM: this program submits the jobs, and their workers do the slides."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from distributed.security import Security

from pathology.pipeline.crew import Crew
from pathology.pipeline.roster import Roster
from pathology.records.settings.run import RunSettings
from pathology.records.settings.site import BatchJobSettings, ClusterSettings
from tests.pipeline import faults
from tests.postgres import quick_folder
from tests.slurm import SlurmServer, lacking

pytestmark = pytest.mark.slow
JOB = BatchJobSettings(
    source="test",
    jobs=1,
    workers_a_job=1,
    cores=1,
    memory_gib=2,
    walltime="00:20:00",
    queue="night",
    interface="lo",
    directives=("--output=/dev/null",),
)


@pytest.fixture(scope="module")
def slurm() -> Iterator[SlurmServer]:
    if lack := lacking():
        pytest.skip(lack)
    with quick_folder() as folder:
        server = SlurmServer(folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SLURM_CONF", str(server.settings))
            yield server
        server.stop()


@pytest.fixture(scope="module")
def own(slurm: SlurmServer) -> RunSettings:
    """Classical settings of a site whose cluster is SLURM, certificates by path."""
    made, parts = Security.temporary(), {}
    for name, part in {"ca": "ca_file", "cert": "client_cert", "key": "client_key"}.items():
        path = slurm.folder / f"{name}.pem"
        path.touch(mode=0o600)
        path.write_text(str(getattr(made, f"tls_{part}")))
        parts[f"tls_{name}_file"] = str(path)
    cluster = ClusterSettings(source="test", kind="slurm", job=JOB, **parts)
    settings = faults.settings()
    return dataclasses.replace(settings, site=dataclasses.replace(settings.site, cluster=cluster))


@pytest.fixture(scope="module")
def crew(slurm: SlurmServer, own: RunSettings) -> Iterator[Crew]:
    with Crew(Roster(workers=1), own.site, lambda _: None) as crew:
        yield crew
    faults.until(lambda: slurm.jobs() == [], "its jobs outlive a crew")


def test_slides_are_done_by_workers_of_a_job(
    slurm: SlurmServer, crew: Crew, own: RunSettings, tmp_path: Path
) -> None:
    slide = faults.tiny_slide(tmp_path / "tiny.tif")
    crew.start(1, faults.job_of(slide, tmp_path / "out", own))
    crew.start(2, faults.job_of(faults.no_slide(tmp_path / "none.svs"), tmp_path / "out", own))
    told = faults.all_ended(crew, 2)
    assert len(slurm.jobs()) == 1
    assert told[1].outcome.kind == "done"
    assert (tmp_path / "out" / str(told[1].outcome.result_folder) / "findings.json").is_file()
    assert told[2].outcome.reason_code == "not-a-slide"


def test_a_worker_of_a_job_that_is_killed_is_the_outcome_of_its_slide(
    crew: Crew, own: RunSettings, tmp_path: Path
) -> None:
    slide = faults.tiny_slide(tmp_path / "tiny.tif")
    crew.start(1, faults.job_of(slide, tmp_path / "out", own))
    crew.start(2, faults.job_of(slide, tmp_path / "other", own))
    worker = faults.worker_at_work(crew, 1)
    assert psutil.Process(worker).ppid() != os.getpid()
    faults.kill(worker)
    told = faults.all_ended(crew, 2)
    assert (told[1].outcome.kind, told[1].outcome.reason_code) == ("transient", "worker-died")
    assert told[2].outcome.kind == "done"
