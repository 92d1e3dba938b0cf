"""What is signed leaves: by MLLP to a listener on a real socket, and into folders."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from hl7apy.parser import parse_message

from pathology.cli.main import main
from pathology.config import shipped_configs
from pathology.errors import LedgerAway
from pathology.exchange.fhir_signed import signed_bundle
from pathology.exchange.hl7_ack import acknowledged
from pathology.exchange.hl7_signed import signed_oru
from pathology.exchange.wire_status import signed_status
from pathology.ledger.open import OpenLedger
from pathology.ledger.outbox import OutboxBook
from pathology.pipeline.ledger_open import opened_ledger
from pathology.pipeline.outbox import Sender, again
from pathology.pipeline.settings import load_settings
from pathology.records.case_review import Delivery
from pathology.records.decision import OwnValue
from pathology.records.incoming import NotUnderstood
from pathology.records.settings.outbox import DestinationSettings, OutboxSettings
from pathology.records.signed_report import SignedReport
from tests.cases_on_desk import HOT, KI67, PATIENT, PaintedDesk, rules, text
from tests.ledgers import NOON, LedgerSite
from tests.mllp_listener import Behaviour, ack, answers, hangs_up, mllp_listener, says
from tests.stub_servers import authority

HL7 = (Delivery(format="hl7", destination="lis"),)
CODES = load_settings().exchange


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[PaintedDesk]:
    with LedgerSite(folder=tmp_path).open() as ledger:
        yield PaintedDesk(ledger=ledger)


class Clock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def settings(destinations: dict[str, Any], **limits: float) -> OutboxSettings:
    shipped = load_settings().outbox
    told = {n: DestinationSettings(source="test", **d) for n, d in destinations.items()}
    return replace(shipped, destinations=told, limits=replace(shipped.limits, **limits))


def lis(port: int, scheme: str = "mllp", host: str = "127.0.0.1", ca: str = "") -> dict[str, Any]:
    url = f"{scheme}://{host}:{port}"
    return {"lis": {"formats": ("hl7",), "url": url, "ca_file": ca}}


def sender(ledger: OpenLedger, given: OutboxSettings, clock: Clock | None = None) -> Sender:
    return Sender(outbox=ledger.outbox, settings=given, codes=CODES, clock=clock or Clock())


def signed(desk: PaintedDesk, deliveries: tuple[Delivery, ...] = HL7) -> SignedReport:
    desk.ready()
    desk.sign(deliveries=deliveries)
    return desk.book.report(desk.case, 1)


def test_a_signed_report_arrives_as_final_and_is_confirmed(desk: PaintedDesk) -> None:
    signed(desk)
    with mllp_listener(answers()) as listener:
        [one] = sender(desk.ledger, settings(lis(listener.port))).send_due()
        assert sender(desk.ledger, settings(lis(listener.port))).send_due() == []
    assert one.fate == "sent"
    [message] = listener.messages
    assert b"|F|" in next(s for s in message.split(b"\r") if s.startswith(b"OBX"))
    [item] = desk.ledger.outbox.items()
    assert item.state == "sent"
    assert desk.ledger.audit.verify().faults == ()


def test_over_tls_with_the_authority_of_the_house(desk: PaintedDesk, tmp_path: Path) -> None:
    signed(desk)
    house = authority(tmp_path / "ca")
    with mllp_listener(answers(), house.server_context("127.0.0.1")) as listener:
        given = settings(lis(listener.port, "mllps", ca=str(house.file)))
        [one] = sender(desk.ledger, given).send_due()
    assert one.fate == "sent", one.told
    assert len(listener.messages) == 1


def test_another_certificate_gets_nothing(desk: PaintedDesk, tmp_path: Path) -> None:
    signed(desk)
    house, other = authority(tmp_path / "ca"), authority(tmp_path / "other")
    with mllp_listener(answers(), other.server_context("127.0.0.1")) as listener:
        given = settings(lis(listener.port, "mllps", ca=str(house.file)))
        [one] = sender(desk.ledger, given).send_due()
    assert (one.fate, listener.messages) == ("waiting", [])
    assert "certificate" in one.told


def test_plain_text_leaves_this_machine_never(desk: PaintedDesk) -> None:
    signed(desk)
    [one] = sender(desk.ledger, settings(lis(2575, host="192.168.7.7"))).send_due()
    assert one.fate == "waiting"
    assert "another machine" in one.told


LOST: dict[str, Behaviour] = {
    "cut": hangs_up,
    "garbage": says(b"HTTP/1.1 200 OK\r\n\r\n"),
    "no acknowledgement": says(b"\x0bMSH|^~\\&|X\r\x1c\r"),
    "of another message": lambda c, m: c.sendall(ack(m, of="OTHER")),
    "an unknown code": lambda c, m: c.sendall(ack(m, "ZZ")),
    "half a frame": lambda c, m: c.sendall(ack(m)[:-2]),
    "endless": lambda c, m: c.sendall(b"\x0b" + b"x" * 200_000),
    "busy": lambda c, m: c.sendall(ack(m, "AR")),
}


@pytest.mark.parametrize("how", LOST)
def test_after_a_lost_answer_the_same_message_goes_again(desk: PaintedDesk, how: str) -> None:
    signed(desk)
    clock = Clock()
    with mllp_listener(LOST[how]) as listener:
        sending = sender(desk.ledger, settings(lis(listener.port)), clock)
        [one] = sending.send_due()
        assert one.fate == "waiting", one
        assert PATIENT not in one.told
        assert sending.send_due() == []  # not before its pause is over
        listener.behave = answers()
        clock.now += timedelta(seconds=31)
        [two] = sending.send_due()
    assert two.fate == "sent"
    assert len(listener.messages) == 2
    assert listener.messages[0] == listener.messages[1]
    assert len(set(listener.control_ids)) == 1


def test_an_acknowledgement_that_comes_too_late_is_a_lost_one(desk: PaintedDesk) -> None:
    signed(desk)
    clock, let_go = Clock(), threading.Event()

    def late(connection: socket.socket, message: bytes) -> None:
        let_go.wait(20)
        connection.sendall(ack(message))

    with mllp_listener(late) as listener:
        [one] = sender(desk.ledger, settings(lis(listener.port), read_s=0.5), clock).send_due()
        assert one.fate == "waiting"
        let_go.set()
        clock.now += timedelta(seconds=31)
        [two] = sender(desk.ledger, settings(lis(listener.port)), clock).send_due()
    assert two.fate == "sent"
    assert len(set(listener.control_ids)) == 1


def test_pauses_grow_and_the_last_try_is_the_end(desk: PaintedDesk) -> None:
    signed(desk)
    clock = Clock()
    with socket.socket() as free:  # bound, and nobody listens
        free.bind(("127.0.0.1", 0))
        sending = sender(desk.ledger, settings(lis(free.getsockname()[1])), clock)
        pauses = []
        while True:
            [one] = sending.send_due()
            if one.fate == "dead":
                break
            [item] = desk.ledger.outbox.items()
            pauses.append((item.not_before_utc - clock.now).total_seconds())
            clock.now = item.not_before_utc
    assert len(pauses) == 11
    assert pauses[:4] == [30, 60, 120, 240]
    assert max(pauses) == 3600
    [item] = desk.ledger.outbox.items(("dead",))
    assert item.tries == 12


def test_what_the_receiver_does_not_accept_is_dead_until_a_person_sends_it_again(
    desk: PaintedDesk,
) -> None:
    signed(desk)
    with mllp_listener(answers("AE")) as listener:
        sending = sender(desk.ledger, settings(lis(listener.port)))
        [one] = sending.send_due()
        assert one.fate == "dead"
        assert sending.send_due() == []
        listener.behave = answers()
        assert again(desk.ledger.outbox, (), desk.people["dr.lin"], NOON, "LIS mended") == 1
        [two] = sending.send_due()
    assert two.fate == "sent"


def test_one_destination_that_is_away_keeps_no_other_from_its_report(
    desk: PaintedDesk, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    signed(
        desk,
        (
            Delivery(format="hl7", destination="nobody"),
            Delivery(format="fhir", destination="folder"),
            Delivery(format="pdf", destination="folder"),
            Delivery(format="hl7", destination="folder"),
        ),
    )
    given = settings({"folder": {"formats": ("hl7", "fhir", "pdf"), "folder": str(out)}})
    done = sender(desk.ledger, given).send_due()
    assert [one.fate for one in done] == ["dead", "sent", "sent", "sent"]
    assert {p.suffix for p in out.iterdir()} == {".hl7", ".json", ".pdf"}
    assert not any(PATIENT in p.name for p in out.iterdir())
    assert next(out.glob("*.pdf")).read_bytes().startswith(b"%PDF")
    told = json.loads(next(out.glob("*.json")).read_text("utf-8"))
    [report] = [
        e["resource"] for e in told["entry"] if e["resource"]["resourceType"] == "DiagnosticReport"
    ]
    assert report["status"] == "final"


def overridden_and_rejected(desk: PaintedDesk) -> SignedReport:
    desk.taken(text=text("Ki-67: 22 %.", tells=()))
    desk.decide(KI67, "override", own=OwnValue(value=22.0, unit="%"))
    desk.decide(HOT, "reject")
    desk.see_all()
    desk.sign(deliveries=())
    return desk.book.report(desk.case, 1)


def test_numbers_are_the_physicians_and_what_was_rejected_is_none(desk: PaintedDesk) -> None:
    report = overridden_and_rejected(desk)
    message = signed_oru(report, CODES, "lis")
    rows = [s.split("|") for s in message.split("\r") if s.startswith("OBX")]
    numbers = [row for row in rows if row[2] == "NM"]
    assert [(row[5], row[6], row[11]) for row in numbers] == [("22", "%", "F")]
    assert "hotspot" not in message
    assert "0.2" not in [row[5] for row in rows]
    bundle = signed_bundle(report, CODES)
    values = [
        e["resource"]["valueQuantity"]["value"]
        for e in bundle["entry"]
        if "valueQuantity" in e["resource"]
    ]
    assert values == [22.0]


def test_the_forms_keep_to_their_standards(desk: PaintedDesk) -> None:
    report = signed(desk, ())
    Bundle.model_validate(signed_bundle(report, CODES))
    parsed = parse_message(signed_oru(report, CODES, "lis"), find_groups=False)
    assert parsed.msh.msh_9.value == "ORU^R01^ORU_R01"
    assert parsed.obr.obr_25.value == "F"


def test_an_amendment_is_a_correction(desk: PaintedDesk) -> None:
    report = signed(desk, ())
    later = replace(report, version=2, amends=1, amendment_reason="a slip")
    assert (signed_status(later).fhir, signed_status(later).hl7_obr25) == ("amended", "C")
    assert "|C|" in signed_oru(later, CODES, "lis")


def test_nothing_but_a_signed_report_leaves_as_final(desk: PaintedDesk) -> None:
    class Alike(SignedReport):
        pass

    report = signed(desk, ())
    fields = {name: getattr(report, name) for name in report.__slots__ if name != "state"}
    with pytest.raises(TypeError):
        signed_oru(Alike(**fields), CODES, "lis")


def test_an_acknowledgement_must_name_the_message() -> None:
    message = b"MSH|^~\\&|P||||1||ORU^R01|ID7|P|2.5.1\r"
    assert acknowledged(ack(message)[1:-2], "ID7") == "taken"
    with pytest.raises(NotUnderstood):
        acknowledged(ack(message)[1:-2], "ID8")


def test_by_the_command_as_a_timer_runs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PATHOLOGY_LANG", "en")
    out, own = tmp_path / "out", tmp_path / "own"
    out.mkdir()
    own.mkdir()
    shipped = (shipped_configs() / "outbox.toml").read_text("utf-8")
    place = f'source = "t"\nformats = ["fhir"]\nfolder = "{out}"\n'
    (own / "outbox.toml").write_text(f"{shipped}\n[destinations.folder]\n{place}", "utf-8")
    with opened_ledger(load_settings().ledger) as (ledger, actor):
        desk = PaintedDesk.__new__(PaintedDesk)
        desk.ledger, desk.rules, desk.now, desk.people = ledger, rules(), NOON, {"alex": actor}
        desk.person("dr.lin", "pathologist")
        desk.case = desk.book.name_of("A")
        signed(desk, (Delivery(format="fhir", destination="folder"), *HL7))
    given = ["--settings", str(own)]
    assert main(["review", "outbox", "send", *given]) == 1  # nobody said where the LIS is
    assert "DEAD" in capsys.readouterr().out
    assert len(list(out.iterdir())) == 1
    assert main(["review", "outbox", "list", *given, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)["items"]
    assert [item["state"] for item in told] == ["sent", "dead"]
    assert main(["review", "outbox", "again", *given]) == 2  # without a reason
    assert main(["review", "outbox", "again", *given, "--why", "x"]) == 1  # an operator may not


def test_a_database_that_is_away_makes_no_delivery_dead(
    desk: PaintedDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed(desk)

    def away(self: OutboxBook, item_id: int) -> SignedReport:
        raise LedgerAway("just now")

    monkeypatch.setattr(OutboxBook, "report", away)
    with pytest.raises(LedgerAway):
        sender(desk.ledger, settings(lis(2575))).send_due()
    [item] = desk.ledger.outbox.items()
    assert item.state == "waiting"
