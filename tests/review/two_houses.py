"""Two hospitals: each with a ledger, keys, settings and persons of its own; one has a case."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pathology.ledger.open import OpenLedger, utc_now
from pathology.pipeline import store
from pathology.pipeline.bundle_answer import site_keys
from pathology.pipeline.desk_cases import DeskOrder, case_name, put_on_desk
from pathology.pipeline.draft import CaseOrder, draft_case
from pathology.pipeline.identity import pseudonym_key
from pathology.pipeline.ledger_open import opened_ledger
from pathology.pipeline.opinion_errands import change_by
from pathology.pipeline.partners import add_partner
from pathology.pipeline.report_settings import load_report_rules
from pathology.pipeline.run_slide import Job
from pathology.pipeline.stages import run_slide
from pathology.records.actor import Actor, Role
from pathology.records.entrance import Entered, Visit
from pathology.records.order import RunOptions, SlideOrder
from pathology.records.settings.run import RunSettings
from pathology.records.settings.site import PrivacySettings
from pathology.review.desk import Desk
from pathology.review.open_desk import DeskPlace, opened_desk
from tests import painted
from tests.access import PASSWORD
from tests.review.painted_desk import SITE
from tests.review.real_desk import PACE, RULES

PATIENT = "MUSTERFRAU"
CASE = f"ACC-{PATIENT}"
KEY = "pseudonyms.key"
CONFIGS = Path(__file__).parents[2] / "configs"


@dataclass(frozen=True, kw_only=True)
class House:
    """A hospital in a folder."""

    folder: Path
    settings: RunSettings

    @property
    def out(self) -> Path:
        return self.folder / "results"

    @property
    def scans(self) -> Path:
        return self.folder / "scans"

    @property
    def own_settings(self) -> Path:
        """A folder of settings that a command is given: the same places as ``settings``."""
        folder, archive = self.folder / "settings", self.settings.ledger
        folder.mkdir(exist_ok=True)
        site, records = ((CONFIGS / f"{n}.toml").read_text("utf-8") for n in ("site", "ledger"))
        key = f'pseudonyms = true\nkey_file = "{self.folder / KEY}"'
        site = site.replace("pseudonyms = false", key, 1)
        ledger, vault = records.split("[vault]")
        ledger = ledger.replace('file = ""', f'file = "{archive.ledger.file}"', 1)
        vault = vault.replace('file = ""', f'file = "{archive.vault.file}"', 1)
        (folder / "site.toml").write_text(site, "utf-8")
        (folder / "ledger.toml").write_text(f"{ledger}[vault]{vault}", "utf-8")
        return folder

    @property
    def public(self) -> Path:
        """Its public keys, as it hands them out."""
        path = self.folder / "public.json"
        if not path.exists():
            path.write_bytes(site_keys(self.settings.ledger, make=True).public.document())
        return path

    @contextmanager
    def ledger(self) -> Iterator[tuple[OpenLedger, Actor]]:
        with opened_ledger(self.settings.ledger) as opened:
            yield opened

    def person(self, name: str, *roles: Role) -> None:
        """An account whose password is ``PASSWORD``."""
        with self.ledger() as (ledger, admin):
            account = Actor(name=name, kind="person", roles=frozenset(roles))
            ledger.accounts.add(account, admin, utc_now())
            entrance = ledger.entrance(self.settings.access)
            first = entrance.one_time(name, admin, utc_now())
            visit = Visit(now_utc=utc_now(), address="127.0.0.1")
            assert isinstance(entrance.change_password(name, first, PASSWORD, visit), Entered)

    def acts(self) -> list[tuple[str, str]]:
        with self.ledger() as (ledger, _):
            assert ledger.audit.verify().faults == ()
            return [(line.act, line.subject) for line in ledger.audit.lines()]

    @contextmanager
    def desk(self, bundle: Path | None = None) -> Iterator[Desk]:
        """As ``pathology review serve`` opens it."""
        place = DeskPlace(results=self.out, folders=[self.scans], bundle=bundle)
        with opened_desk(self.settings, place) as opened:
            yield opened.desk


def house(folder: Path) -> House:
    """A hospital with fresh keys."""
    folder.mkdir()
    (folder / "scans").mkdir()
    key = folder / KEY
    key.write_bytes(secrets.token_bytes(32))
    key.chmod(0o600)
    archive = SITE.ledger
    own = replace(
        archive,
        ledger=replace(archive.ledger, file=str(folder / "ledger.sqlite")),
        vault=replace(archive.vault, file=str(folder / "keys.json")),
    )
    privacy = PrivacySettings(source="test", pseudonyms=True, key_file=str(key))
    settings = replace(
        SITE,
        site=replace(SITE.site, privacy=privacy),
        ledger=own,
        access=replace(RULES, pace=PACE),
        deciding=replace(SITE.deciding, reading=replace(SITE.deciding.reading, blind_first="off")),
    )
    made = House(folder=folder, settings=settings)
    with made.ledger():  # its first start
        assert made.public.exists()
    store.prepare_output(made.out)
    return made


def analysed_house(folder: Path) -> House:
    """A hospital with a slide named after a patient, analysed and drafted."""
    made = house(folder)
    painting = painted.paint_nuclei(width=1500, height=1100, mpp=0.5, seed=7)
    scan = made.scans / f"{PATIENT}.tif"
    painted.write_tiff(scan, painting.pixels, mpp=0.5, levels=2)
    order = SlideOrder(
        path=scan, analysis="ki67", marker="ki67", marker_source="user", case_id=CASE
    )
    options = RunOptions(out=made.out, device="cpu")
    key = pseudonym_key(made.settings.site.privacy)
    job = Job(order=order, options=options, settings=made.settings, pseudonym_key=key)
    row = run_slide(job, lambda _: None).row
    assert row.state == "done", row.reason
    told = {"schema": "pathology.case/1", "case_id": case_id_of(made)}
    specimen = {"organ": "breast", "side": "left", "procedure": "core-biopsy"}
    case_file = made.folder / "case.json"
    case_file.write_text(json.dumps({**told, "specimen": specimen}), "utf-8")
    draft_case(CaseOrder(out=made.out, case_file=case_file, pdf=False))
    return made


def case_id_of(made: House) -> str:
    [findings] = made.out.glob("*/*/findings.json")
    return str(json.loads(findings.read_text("utf-8"))["case_id"])


def with_case(made: House, like: House) -> str:
    """The slide, result and draft of another's folder here, and on the desk; the case's name."""
    for part in ("results", "scans"):
        shutil.copytree(like.folder / part, made.folder / part, dirs_exist_ok=True)
    shutil.copy(like.folder / KEY, made.folder / KEY)
    with made.ledger() as (ledger, actor):
        cases = ledger.cases(made.settings.deciding)
        order = DeskOrder(out=made.out, case_id=case_id_of(made))
        put_on_desk(cases, order, load_report_rules(), change_by(actor))
        return case_name(cases, order.case_id)


def acquainted(one: House, other: House, name: str = "north") -> None:
    """``other`` may be asked by ``one``."""
    add_partner(one.settings.ledger, name, other.public)
