"""``pathology review serve``: the review page, until it is told to stop."""

from __future__ import annotations

import argparse
from pathlib import Path

from pathology.cli.messages import say
from pathology.errors import UsageError
from pathology.nightly.at_the_page import NightAtPage
from pathology.nightly.options import load_night_settings
from pathology.pipeline.settings import load_settings
from pathology.review.open_desk import DeskPlace, OpenDesk, opened_desk
from pathology.review.serve import Address, TlsFiles, check_address, serve

PORT = 8460


def serve_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``review serve``."""
    parser.add_argument("--results", type=Path, metavar="OUT", help="of pathology run")
    parser.add_argument(
        "--bundle", type=Path, metavar="OPENED", help="another hospital's, opened: instead"
    )
    parser.add_argument(
        "--slides", type=Path, nargs="+", default=[], metavar="FOLDER", help="where scans lie"
    )
    parser.add_argument("--host", default="127.0.0.1", help="beyond this machine: with TLS only")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--certificate", type=Path, metavar="PEM", help="TLS: certificate chain")
    parser.add_argument("--key", type=Path, metavar="PEM", help="TLS: its key")


def call_serve(given: argparse.Namespace) -> int:
    """0 when it was told to stop."""
    address, tls = Address(host=given.host, port=given.port), _tls(given)
    check_address(address, tls)  # before a ledger is made for nothing
    if (given.results is None) == (given.bundle is None):
        raise UsageError("either --results OUT, or --bundle OPENED of another hospital")
    settings = load_settings(given.settings)
    place = DeskPlace(
        results=given.results or given.bundle,
        folders=given.slides,
        bundle=given.bundle,
        site=given.settings,
        night_of=lambda ledger: NightAtPage(
            settings=load_night_settings(given.settings), ledger=ledger
        ),
    )
    with opened_desk(settings, place) as opened:
        tell_address(opened, address, tls, "first-key")
        serve(opened.desk, address, tls)
    return 0


def tell_address(
    opened: OpenDesk, address: Address, tls: TlsFiles | None, words: str = "one-time"
) -> None:
    """Where the page is, and the one-time password where there is one: it is told once."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    url = f"{'http' if tls is None else 'https'}://{host}:{address.port}/"
    if opened.first is not None:
        first = opened.first
        print(say(words, account=first.account, password=first.password))
    print(say("desk-at", url=url), flush=True)


def _tls(given: argparse.Namespace) -> TlsFiles | None:
    if (given.certificate is None) != (given.key is None):
        raise UsageError("--certificate and --key go together")
    if given.certificate is None:
        return None
    return TlsFiles(certificate=given.certificate, key=given.key)
