"""Orders in, end to end: real folders, real files, a clock of our own."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from pathology.nightly import intake
from pathology.nightly.intake import Intake, IntakeReport, cancelled_items
from pathology.nightly.settings import load_nightly
from pathology.pipeline.order_box import prune
from pathology.records.settings.incoming import FolderRule
from tests.exchange import painted_orders as painted
from tests.nightly.worklists import item
from tests.painted_dicom import DicomForm, write_dicom

NOW = datetime(2030, 1, 1, 20, tzinfo=UTC)


class Site:
    """A site in a folder; ``looks`` lets time pass until what is there has settled."""

    def __init__(self, root: Path) -> None:
        self.root, self.now_s, self.known = root, 0.0, []
        self.scans, self.orders = root / "scans", root / "orders"
        self.manifest = root / "night.csv"
        self.scans.mkdir()
        self.orders.mkdir()
        settings = load_nightly()
        self.settings = replace(
            settings,
            sources=replace(
                settings.sources,
                slides=(str(self.scans),),
                messages=(str(self.orders),),
                manifests=(str(self.manifest),),
            ),
        )
        self.start()

    def start(self) -> None:
        """A new night, or one that was killed."""
        self.intake = Intake(settings=self.settings, stain_of=lambda path: "he")

    def look(self) -> IntakeReport:
        self.now_s += 30
        return self.intake.look(self.now_s, NOW, self.known)

    def looks(self, times: int = 3, *, enrol: bool = True) -> list[IntakeReport]:
        reports = []
        for _ in range(times):
            reports.append(self.look())
            if enrol:
                self.intake.enrolled(reports[-1], NOW)
        return reports

    def drop(self, data: bytes, name: str = "order.hl7") -> None:
        (self.orders / name).write_bytes(data)

    def scan(self, barcode: str, name: str = "slide") -> Path:
        def label(header) -> None:
            header.BarcodeValue = barcode

        folder = self.scans / name
        write_dicom(folder, np.full((64, 64, 3), 200, np.uint8), form=DicomForm(change=label))
        return folder

    def lies_in(self, place: str) -> list[str]:
        folder = self.orders / place
        return sorted(p.name.partition("-")[2] for p in folder.iterdir()) if folder.exists() else []


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def work_of(reports):
    return [order for report in reports for order in report.work]


def test_an_order_and_a_slide_with_its_barcode_become_work_once(site: Site) -> None:
    site.drop(painted.oml_o21())
    site.scan("BC-0001")
    reports = site.looks(6)
    (work,) = work_of(reports)
    assert (work.source, work.analysis, work.held) == ("hl7", "ki67", None)
    assert (work.identity.accession, work.identity.barcode) == ("S30-1", "BC-0001")
    assert reports[0].growing == 1
    assert site.lies_in("done") == ["order.hl7"]
    assert site.lies_in("accepted") == []


def test_an_order_waits_for_its_slide_over_a_restart(site: Site) -> None:
    site.drop(painted.oml_o33())
    assert len(site.looks()[-1].waiting) == 1
    assert site.lies_in("accepted") == ["order.hl7"]
    site.start()
    site.scan("BC-0001")
    (work,) = work_of(site.looks())
    assert work.identity.accession == "S30-1"
    assert site.lies_in("done") == ["order.hl7"]


def test_a_night_killed_before_enrolling_hands_the_work_over_again(site: Site) -> None:
    site.drop(painted.fhir(), "order.json")
    site.scan("BC-0001")
    assert work_of(site.looks(enrol=False))
    assert site.lies_in("accepted") == ["order.json"]
    site.start()
    assert len(work_of(site.looks(6))) == 1


def test_a_label_of_another_case_is_held_and_names_the_two(site: Site) -> None:
    pattern = r"(?P<accession>S\d+-\d+)\.svs"
    site.settings = replace(
        site.settings,
        identity=replace(site.settings.identity, file_names=(pattern, r"(?P<barcode>BC.*)")),
    )
    site.start()
    site.manifest.write_text("slide,analysis,case_id,order_id\nscans/S30-2.svs,ki67,S30-1,P77\n")
    (site.scans / "S30-2.svs").write_bytes(b"x")
    (work,) = work_of(site.looks())
    assert work.held == "identity-disagrees"
    assert work.held_facts == {"detail": "accession: file-name ≠ manifest"}


def test_a_message_that_arrives_in_pieces_is_taken_whole(site: Site) -> None:
    whole = painted.oml_o21()
    for n in range(1, 5):
        site.drop(whole[: len(whole) * n // 4])
        report = site.look()
        assert not report.waiting
        assert not report.problems
    assert len(site.looks()[-1].waiting) == 1


def test_a_message_that_stays_half_is_refused_in_the_end_and_not_taken_before(site: Site) -> None:
    site.drop(painted.fhir()[:-40], "half.json")
    early = site.looks(8)
    assert not any(r.problems or r.waiting for r in early)
    late = site.looks(8)
    assert [p.code for r in late for p in r.problems] == ["not-a-message"]
    assert site.lies_in("refused") == ["half.json", "half.json.reason"]


def test_a_refused_message_says_why_in_both_languages_and_nothing_of_the_patient(
    site: Site,
) -> None:
    site.drop(painted.oml_o21(orc="ORC|XO|SECRET"), "Müller.hl7")
    site.looks()
    (reason,) = (site.orders / "refused").glob("*.reason")
    told = json.loads(reason.read_text(encoding="utf-8"))
    assert told["schema"] == "pathology.intake-reason/1"
    assert told["problems"][0]["code"] == "order-contradicts"
    assert all(told["problems"][0][x] for x in ("en", "zh"))
    assert not {"SECRET", "Müller", "S30-1", "BC-0001"} & set(reason.read_text().split('"'))
    assert "SECRET" not in reason.read_text()


def test_of_a_batch_the_good_orders_are_taken_and_the_bad_ones_named(site: Site) -> None:
    site.scan("BC-0001")
    site.drop(painted.oml_o21(orc="ORC|RP|P77|F88") + painted.oml_o21())
    assert len(work_of(site.looks(6))) == 1
    assert site.lies_in("refused") == ["order.hl7", "order.hl7.reason"]


def test_hostile_drops_cost_themselves_only(site: Site, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(painted.oml_o21())
    (site.orders / "link.hl7").symlink_to(tmp_path / "outside")
    (site.orders / "dangling.hl7").symlink_to("/nowhere")
    os.mkfifo(site.orders / "pipe.hl7")
    with (site.orders / "huge.hl7").open("wb") as huge:
        huge.truncate(5 * 2**20)
    (site.orders / ("n" * 240 + ".hl7")).write_bytes(b"nonsense\r")
    (site.orders / "folder").mkdir()
    site.drop(b"[" * 100_000, "deep.json")
    site.drop(painted.oml_o21(), "good.hl7")
    site.drop(painted.oml_o21(), ".hidden.hl7")
    site.drop(painted.oml_o21(), "unfinished.hl7.part")
    reports = site.looks(24)
    assert len(reports[-1].waiting) == 1
    codes = sorted(p.code for r in reports for p in r.problems)
    assert codes == ["not-a-file"] * 3 + ["not-a-message"] * 2 + ["too-large"]
    assert (tmp_path / "outside").read_bytes() == painted.oml_o21()
    assert {p.name for p in site.orders.iterdir() if not p.is_dir()} == {
        ".hidden.hl7", "unfinished.hl7.part",
    }  # fmt: skip


def test_the_same_message_twice_is_one_order_and_a_cancelled_one_is_none(site: Site) -> None:
    site.drop(painted.oml_o21(), "first.hl7")
    site.drop(painted.oml_o21(), "again.hl7")
    assert len(site.looks()[-1].waiting) == 1
    site.drop(painted.oml_o21(orc=painted.ORC.replace("NW", "CA")), "cancel.hl7")
    reports = site.looks()
    assert sum(len(r.cancelled) for r in reports) == 1
    assert reports[-1].waiting == ()
    assert site.lies_in("accepted") == []
    site.scan("BC-0001")
    assert not work_of(site.looks())


def test_a_cancelled_order_that_is_in_the_worklist_is_found_there(site: Site) -> None:
    site.drop(painted.oml_o21())
    site.scan("BC-0001")
    (work,) = work_of(site.looks())
    known = replace(item(7), order=work)
    site.drop(painted.oml_o21(orc=painted.ORC.replace("NW", "CA")), "cancel.hl7")
    site.known = [known]
    cancelled = [o for r in site.looks() for o in r.cancelled]
    assert cancelled_items([known, item(8)], cancelled) == (7,)
    assert cancelled_items([replace(known, state="done")], cancelled) == ()


def test_a_later_order_finds_a_slide_that_is_in_the_ledger(site: Site) -> None:
    path = site.scan("BC-0001")
    assert site.looks()[-1].unasked[0].path == path / "level-0.dcm"
    site.drop(painted.oml_o21())
    (work,) = work_of(site.looks())
    site.start()
    site.known = [replace(item(1), order=work)]
    site.drop(painted.oml_o21(orc="ORC|NW|P78", obr=painted.OBR.replace("P77^LIS|F88^LIS", "P78|")))
    (again,) = work_of(site.looks(6))
    assert again.identity.order_id == "P78"


def test_a_manifest_is_read_when_it_has_settled_and_again_when_it_changed(site: Site) -> None:
    (site.scans / "a.svs").write_bytes(b"x")
    site.manifest.write_text("slide,analysis,case_id\nscans/a.svs,infiltration,S3")
    site.look()
    with site.manifest.open("a") as more:  # the rest of the number: "S3" was another case
        more.write("0-1\nscans/b.svs,ki67,S4\nscans/a.svs,ki-67,S4\n")
    reports = site.looks(4)
    (work,) = work_of(reports)
    assert [c.identity.accession for c in work.said] == ["S30-1"]
    assert [r.slide.name for r in reports[-1].absent] == ["b.svs"]
    assert [p.code for r in reports for p in r.problems] == ["row-value"]
    (site.scans / "b.svs").write_bytes(b"x")
    assert [w.analysis for w in work_of(site.looks(4))] == ["ki67"]


def test_a_share_that_vanishes_is_told_and_the_rest_goes_on(site: Site) -> None:
    site.scan("BC-0001")
    site.looks()
    site.scans.rename(site.root / "unplugged")
    site.drop(painted.oml_o21())
    reports = site.looks(3)
    states = {(s.kind, s.state) for s in reports[-1].sources}
    assert states == {("slides", "share-gone"), ("messages", "there"), ("manifests", "share-gone")}
    assert len(work_of(reports)) == 1, "the slide was known before"
    site.scans.mkdir()
    assert ("slides", "share-empty") in {(s.kind, s.state) for s in site.look().sources}
    site.scans.rmdir()
    (site.root / "unplugged").rename(site.scans)
    site.orders.rename(site.root / "gone")
    states = {(s.kind, s.state) for s in site.look().sources}
    assert states >= {("slides", "there"), ("messages", "share-gone")}


def test_a_folders_rule_may_ask_for_the_stain_and_each_slide_is_looked_at_once(site: Site) -> None:
    rule = FolderRule(analysis="infiltration", stain="he")
    site.settings = replace(
        site.settings, incoming=replace(site.settings.incoming, folders=(rule,))
    )
    asked: list[Path] = []
    site.intake = Intake(settings=site.settings, stain_of=lambda path: asked.append(path) or "he")
    (site.scans / "a.svs").write_bytes(b"x")
    (work,) = work_of(site.looks(6))
    assert (work.source, work.analysis) == ("folder", "infiltration")
    assert len(asked) == 1


def test_what_was_read_long_ago_is_deleted(site: Site) -> None:
    site.drop(b"nonsense\r", "old.hl7")
    site.looks()
    assert prune(site.orders, 90, datetime.now(UTC)) == 0
    assert prune(site.orders, 90, datetime.now(UTC) + timedelta(days=91)) == 2
    assert site.lies_in("refused") == []


def test_a_look_that_finds_nothing_new_joins_nothing_anew(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of slides lie in a folder all night, and are looked at several times a minute."""
    joined = []
    real = intake.join
    monkeypatch.setattr(intake, "join", lambda *given: joined.append(1) or real(*given))
    site.scan("BC-1", "one")
    site.looks(5)
    before = len(joined)
    site.looks(3)
    assert len(joined) == before
    site.scan("BC-2", "two")
    site.looks(5)
    assert len(joined) > before
