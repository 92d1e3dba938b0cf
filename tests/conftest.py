"""What all tests share: where the real data lies, and the default settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import ImageFile

from pathology.ledger.database import connect
from pathology.ledger.schema import prepare_tables
from tests.ledgers import LedgerSite, Tampering, server_site
from tests.postgres import PostgresServer, programs, quick_folder

REPOSITORY = Path(__file__).parents[1]
DATA = REPOSITORY.parent / "shared" / "data"
LONG = ("test_packaging.py", "chaos", "acceptance", "review", "training", "nightly")
"""Whole nights, new environments, browsers, trainings."""


@pytest.fixture(scope="session")
def real_data() -> Callable[..., Path]:
    """Path of a real slide or labelled image; the test skips where it is absent."""

    def find(*parts: str) -> Path:
        path = DATA.joinpath(*parts)
        if not path.exists():
            pytest.skip(f"the real data is not here: {Path(*parts)}")
        return path

    return find


@pytest.fixture(autouse=True)
def half_images_stay_refused() -> Iterator[None]:
    """No library may tell Pillow to fill in what damaged images lack (some do on loading)."""
    yield
    filled_in, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    assert not filled_in, "Pillow now reads half images as whole ones: see reports/printed.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose few tests take minutes come first: at the end no core waits for another."""
    ranks = {name: rank for rank, name in enumerate(LONG)}

    def rank(item: pytest.Item) -> int:
        return ranks.get(item.path.relative_to(REPOSITORY / "tests").parts[0], len(LONG))

    items.sort(key=rank)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> object:
    """In CI a skipped test is a failure: a server, a browser or the data was not installed."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this test process; the test skips where none is installed."""
    where = programs()
    if where is None:
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    with quick_folder() as folder:
        server = PostgresServer(where, folder)
        yield server
        server.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """A database with the ledger's tables, for copies."""
    name = postgres.new_database()
    database = connect(server_site(postgres, name, Path()).settings, Path())
    prepare_tables(database)
    database.dispose()
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_database(request: pytest.FixtureRequest) -> PostgresServer | None:
    """Each database in turn: None is SQLite."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgres")


@pytest.fixture
def ledger_site(
    ledger_database: PostgresServer | None, request: pytest.FixtureRequest
) -> Iterator[LedgerSite]:
    """A site without a ledger yet, on each database in turn."""
    with quick_folder() as folder:
        if ledger_database is None:
            yield LedgerSite(folder=folder)
            return
        name = ledger_database.new_database(request.getfixturevalue("postgres_template"))
        yield server_site(ledger_database, name, folder)


@pytest.fixture
def sqlite_site() -> Iterator[LedgerSite]:
    """A site without a ledger yet, on SQLite."""
    with quick_folder() as folder:
        yield LedgerSite(folder=folder)


@pytest.fixture
def tampering(ledger_site: LedgerSite, ledger_database: PostgresServer | None) -> Tampering:
    """Hands on the tables of ``ledger_site`` behind the program's back."""
    return Tampering(ledger_site, ledger_database)
