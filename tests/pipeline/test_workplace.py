"""A cluster by settings: what a foreman is told, and the scripts that a batch system is given."""

from __future__ import annotations

import dataclasses
import json

import pytest
from dask_jobqueue.pbs import PBSJob
from dask_jobqueue.slurm import SLURMJob

from pathology.config import build_record
from pathology.errors import ClusterError, ConfigError
from pathology.pipeline.cluster import own_cluster
from pathology.pipeline.workplace import Workplace, batch_options
from pathology.records.settings.site import BatchJobSettings, ClusterKind, ClusterSettings

JOB = BatchJobSettings(
    source="test",
    jobs=3,
    workers_a_job=2,
    cores=8,
    memory_gib=24,
    walltime="08:00:00",
    queue="night",
    account="pathology",
    interface="ib0",
    python="/opt/pathology/bin/python",
    directives=("--gres=gpu:2",),
    prologue=("module load cuda",),
    resources={"gpu": 1.0},
)


def workplace(kind: ClusterKind, job: BatchJobSettings | None) -> Workplace:
    """With certificates in files, as the machines of the jobs need them."""
    return Workplace(
        kind=kind,
        workers=1,
        threads=4,
        cards=(),
        job=job,
        ca="/shared/tls/ca.pem",
        certificate="/shared/tls/cert.pem",
        key="/shared/tls/key.pem",
    )


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (
            "slurm",
            [
                "#SBATCH -J pathology",
                "#SBATCH -p night",
                "#SBATCH -A pathology",
                "#SBATCH -n 1",
                "#SBATCH --cpus-per-task=8",
                "#SBATCH --mem=24G",
                "#SBATCH -t 08:00:00",
                "#SBATCH --gres=gpu:2",
            ],
        ),
        (
            "pbs",
            [
                "#PBS -N pathology",
                "#PBS -q night",
                "#PBS -A pathology",
                "#PBS -l select=1:ncpus=8:mem=24gb",
                "#PBS -l walltime=08:00:00",
                "#PBS --gres=gpu:2",
            ],
        ),
    ],
)
def test_the_job_script_holds_what_the_settings_say(kind: ClusterKind, wanted: list[str]) -> None:
    place = workplace(kind, JOB)
    of_cluster = {"n_workers", "scheduler_options", "silence_logs", "name"}
    options = {k: v for k, v in batch_options(place, JOB).items() if k not in of_cluster}
    make = SLURMJob if kind == "slurm" else PBSJob
    script = make(scheduler="tls://head.example:8786", name="w-0", **options).job_script()
    lines = script.splitlines()
    assert [line for line in wanted if line not in lines] == []
    head, worker = lines[:-1], lines[-1]
    assert "module load cuda" in head
    assert "export OMP_NUM_THREADS=4" in head
    assert worker.startswith("/opt/pathology/bin/python -m distributed.cli.dask_worker tls://head")
    for words in ("--nthreads 1", "--nworkers 2", '--resources "gpu=1"', "--interface ib0"):
        assert words in worker
    tls = "--protocol tls:// --tls-ca-file /shared/tls/ca.pem --tls-cert /shared/tls/cert.pem"
    assert f"{tls} --tls-key /shared/tls/key.pem" in worker


def test_a_foreman_hears_what_it_was_told() -> None:
    for place in (workplace("slurm", JOB), workplace("local", None)):
        assert Workplace.heard(place.told()) == place


@pytest.mark.parametrize("kind", ["slurm", "pbs"])
def test_jobs_on_other_machines_need_certificates(kind: ClusterKind) -> None:
    site = ClusterSettings(source="test", kind=kind, job=JOB)
    with pytest.raises(ClusterError, match="tls_ca_file"):
        own_cluster(1, site)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"kind": "slurm"}, "cluster.job"),
        ({"kind": "address"}, "address"),
        ({"kind": "cloud"}, "kind"),
        ({"cards": ["0", "0"]}, "twice"),
        ({"kind": "pbs", "job": {"queue": "x"}}, "lacks"),
    ],
)
def test_settings_that_make_no_cluster_are_refused(table: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        build_record({"source": "test", **table}, ClusterSettings, where="cluster")


def test_a_resource_that_no_task_asks_for_is_refused() -> None:
    table = dataclasses.asdict(JOB) | {"resources": {"GPU": 1}}
    text = json.loads(json.dumps(table))
    with pytest.raises(ConfigError, match="no task asks for"):
        build_record(text, BatchJobSettings, where="job")
