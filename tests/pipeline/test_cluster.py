"""dask stays at home: loopback only, or TLS with certificates."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from cryptography import x509
from distributed import Client, LocalCluster
from distributed.security import Security

from pathology.errors import ClusterError, UsageError
from pathology.pipeline.cluster import (
    default_workers,
    existing_cluster,
    is_loopback,
    local_cluster,
)
from pathology.pipeline.roster import Roster
from pathology.pipeline.run import Watcher, run
from pathology.pipeline.settings import load_settings
from pathology.records.order import RunOptions, SlideOrder
from pathology.records.settings.site import ClusterSettings, RunningSettings
from pathology.vault.passing import passing_certificate
from tests.sites import classical

NO_CERTIFICATES = ClusterSettings(source="test")


def listening_addresses() -> set[str]:
    """Addresses on which this process and its children listen."""
    me = psutil.Process()
    return {
        connection.laddr.ip
        for process in [me, *me.children(recursive=True)]
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }


def test_the_local_cluster_listens_on_loopback_only_and_to_nobody_without_its_key() -> None:
    with local_cluster(2) as client:
        assert client.submit(sum, [1, 2]).result(timeout=30) == 3
        addresses = listening_addresses()
        ours = client.scheduler.address
        assert ours.startswith("tls://127.0.0.1:")
        for stranger in (None, Security.temporary()):
            address = ours if stranger else ours.replace("tls://", "tcp://")
            with pytest.raises(OSError), Client(address, security=stranger, timeout="3s"):  # noqa: PT011
                pytest.fail("let a stranger in")
    assert addresses  # the scheduler and its dashboard do listen
    assert all(is_loopback(a) for a in addresses), addresses


def test_workers_that_begin_after_the_clock_was_set_back_are_let_in() -> None:
    """A certificate from this very moment on would lock every worker of the last hour out."""
    now = datetime.now(UTC)
    certificate, _ = passing_certificate(now)
    made = x509.load_pem_x509_certificate(certificate.encode())
    assert made.not_valid_before_utc < now - timedelta(days=1)
    assert made.not_valid_after_utc > now + timedelta(days=30)


def test_an_existing_scheduler_on_this_machine_is_used() -> None:
    with LocalCluster(
        n_workers=1, processes=False, protocol="tcp", dashboard_address=None
    ) as owner:
        cluster = existing_cluster(owner.scheduler_address, NO_CERTIFICATES)
        assert cluster.client.submit(sum, [1, 2]).result(timeout=30) == 3
        cluster.close()


@pytest.mark.parametrize("address", ["tcp://192.0.2.7:8786", "tcp://scheduler.example:8786"])
def test_a_scheduler_elsewhere_needs_tls(address: str) -> None:
    with pytest.raises(UsageError, match="tls://"):
        existing_cluster(address, NO_CERTIFICATES)


def test_tls_needs_certificates() -> None:
    with pytest.raises(ClusterError, match="tls_ca_file"):
        existing_cluster("tls://192.0.2.7:8786", NO_CERTIFICATES)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "http://127.0.0.1:8786",
        "tls://",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:abc",
        "tcp://127.0.0.1:99999",
        "tcp://127.0.0.1:0",
        "tcp://[::1:8786",
        "tls://[x]:1",
    ],
)
def test_an_address_that_is_none_is_wrong_usage(address: str) -> None:
    with pytest.raises(UsageError, match="--cluster"):
        existing_cluster(address, NO_CERTIFICATES)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("a.b", False)],  # noqa: S104
)
def test_loopback_is_this_machine(host: str, *, expected: bool) -> None:
    assert is_loopback(host) == expected


def test_workers_fit_into_memory_and_are_at_least_one() -> None:
    assert default_workers(RunningSettings(source="t", worker_gib=1e6, read_ahead_tiles=1)) == 1


def test_two_users_of_one_scheduler_get_their_own_results(tmp_path: Path) -> None:
    """On a shared scheduler a task of the same key would be taken for the same task."""
    slides = []
    for name in ("one", "two"):
        (tmp_path / f"{name}.svs").write_text(name)
        slides.append(tmp_path / f"{name}.svs")
    silent = Watcher(on_progress=lambda _: None, on_row=lambda _: None)
    settings = classical(load_settings())

    def run_one(path: Path, address: str) -> str:
        order = SlideOrder(path=path, analysis="ki67", marker="ki67", marker_source="user")
        options = RunOptions(out=tmp_path / f"out-{path.stem}")
        (row,) = run([order], options, settings, Roster(workers=1, address=address), silent)
        return row.slide

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as owner,
        ThreadPoolExecutor(2) as users,
    ):
        address = owner.scheduler_address
        told = list(users.map(lambda path: run_one(path, address), slides))
    assert told == ["one.svs", "two.svs"]
