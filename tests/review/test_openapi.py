"""Every address is asked for what nobody would ask: no answer is an accident of the program."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from pathology.nightly.at_the_page import NightAtPage
from pathology.nightly.options import load_night_settings
from pathology.review.headers import HEADERS
from pathology.review.openapi import openapi_document
from pathology.review.route_table import ROUTES
from pathology.review.serve import Address, server_of
from tests.oidc_provider import OidcProvider, oidc_provider
from tests.review.case_desk import case_desk
from tests.review.conftest import free_port
from tests.review.painted_desk import PaintedDesk
from tests.review.real_desk import RealDesk, real_desk

SCHEMA = schemathesis.openapi.from_dict(openapi_document())


@pytest.fixture(scope="module")
def asked(
    painted_desk: PaintedDesk, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """A served desk with cases and a night, and the session of who may do most."""
    own = painted_desk.copied(tmp_path_factory.mktemp("own"))  # one address writes a result
    with real_desk(own, tmp_path_factory.mktemp("ledger")) as desk, oidc_provider() as provider:
        night = NightAtPage(settings=load_night_settings(), ledger=desk.ledger)
        desk.more = {"cases": case_desk(desk, own.results), "night": night}
        yield from served(desk, provider)


def served(desk: RealDesk, provider: OidcProvider) -> Iterator[tuple[str, str]]:
    desk.person("reader", "pathologist", "technician", "operator", "curator", "auditor")
    port = free_port()
    page = f"http://127.0.0.1:{port}"
    desk.rules = replace(desk.rules, single_sign_on=provider.settings(page))
    server = server_of(desk.desk(), Address(host="127.0.0.1", port=port))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.02)
    yield page, desk.token("reader")
    server.should_exit = True
    thread.join(timeout=30)


def test_the_document_has_every_address_of_the_table() -> None:
    told = openapi_document()["paths"]
    assert sum(len(methods) for methods in told.values()) == len(ROUTES)
    for methods in told.values():
        assert all("x-act" in operation for operation in methods.values())


# Without the way out: it would end the session that the rest is asked with.
@SCHEMA.exclude(path="/sign-out").parametrize()
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_is_an_accident(case: schemathesis.Case, asked: tuple[str, str]) -> None:
    url, token = asked
    headers = {"Origin": url, "Cookie": f"session={token}"}
    answer = case.call(base_url=url, headers=headers)
    assert answer.status_code < 500
    for name, value in HEADERS.items():
        assert answer.headers[name.lower()] == [value]
    assert b"Traceback" not in (answer.content or b"")
