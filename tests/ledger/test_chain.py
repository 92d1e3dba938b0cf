"""Whatever is done to a chain behind the program's back is found, and named by its line."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from pathology.errors import LedgerError
from pathology.ledger.anchor import Head
from pathology.ledger.chain import GENESIS, Entry, chained
from pathology.ledger.open import OpenLedger
from pathology.ledger.verifying import verify_chain
from tests.ledgers import MINUTE, NOON, OPERATOR, LedgerSite, Tampering, order

KEY = b"k" * 32
LINES = 12


def entry(number: int) -> Entry:
    after = {"state": "done", "number": number}
    return Entry(at_utc=NOON, actor="night", act="finish", subject=str(number), after=after)


CHAIN = tuple(chained([entry(n) for n in range(LINES)], Head(sequence=0, mac=GENESIS), KEY))
HEAD = Head(sequence=LINES, mac=CHAIN[-1]["mac"])
COLUMNS = sorted(CHAIN[0].keys() - {"sequence"})


def faults(rows, anchor: Head | None = HEAD):
    ordered = sorted(rows, key=lambda row: row["sequence"])
    return verify_chain(ordered, KEY, anchor).faults


def test_an_untouched_chain_has_no_faults() -> None:
    report = verify_chain(CHAIN, KEY, HEAD)
    assert (report.lines, report.head, report.faults) == (LINES, HEAD.mac, ())


@given(lag=st.integers(0, LINES))
def test_an_anchor_that_lags_is_no_fault(lag: int) -> None:
    seen = Head(sequence=lag, mac=CHAIN[lag - 1]["mac"] if lag else GENESIS)
    assert faults(CHAIN, seen) == ()


@given(
    line=st.integers(1, LINES),
    column=st.sampled_from(COLUMNS),
    more=st.text(min_size=1, max_size=5),
)
def test_any_edit_is_found_where_it_is(line: int, column: str, more: str) -> None:
    rows = [dict(row) for row in CHAIN]
    rows[line - 1][column] += more
    found = faults(rows)
    assert (line, "edited") in found
    assert {number for number, _ in found} <= {line, line + 1}


@given(line=st.integers(1, LINES))
def test_a_number_that_was_changed_is_found(line: int) -> None:
    rows = [dict(row) for row in CHAIN]
    rows[line - 1]["sequence"] = 1000
    assert (1000, "edited") in faults(rows)
    assert any(number == line for number, _ in faults(rows))


@given(first=st.integers(1, LINES), many=st.integers(1, LINES))
def test_any_removal_is_found(first: int, many: int) -> None:
    gone = set(range(first, min(first + many, LINES + 1)))
    found = faults([row for row in CHAIN if row["sequence"] not in gone])
    if max(gone) == LINES:
        assert found == ((first, "truncated"),)
    else:
        assert found == tuple((number, "removed") for number in sorted(gone))


@given(st.lists(st.integers(1, LINES), min_size=2, max_size=2, unique=True))
def test_two_lines_that_changed_places_are_found(pair: list[int]) -> None:
    one, other = pair
    rows = [dict(row) for row in CHAIN]
    rows[one - 1]["sequence"], rows[other - 1]["sequence"] = other, one
    assert faults(rows) == tuple(sorted([(one, "reordered"), (other, "reordered")]))


@given(line=st.integers(1, LINES - 1))
def test_a_removal_that_closed_the_gap_is_found(line: int) -> None:
    rows = [dict(row) for row in CHAIN if row["sequence"] != line]
    for row in rows[line - 1 :]:
        row["sequence"] -= 1
    found = faults(rows)
    assert (LINES, "truncated") in found
    assert {number for number, _ in found} >= set(range(line, LINES))


@given(line=st.integers(1, LINES))
def test_a_line_of_another_history_under_the_same_key_is_found(line: int) -> None:
    """As from a copy of the ledger that went on by itself."""
    other = chained([entry(n + 100) for n in range(LINES)], Head(sequence=0, mac=GENESIS), KEY)
    rows = [*CHAIN[: line - 1], other[line - 1], *CHAIN[line:]]
    found = faults(rows)
    assert found
    assert {fault for _, fault in found} == {"rewritten"}
    assert {number for number, _ in found} <= {line, line + 1}


def test_a_history_written_anew_does_not_fit_the_anchor() -> None:
    other = chained([entry(n + 100) for n in range(LINES + 5)], Head(sequence=0, mac=GENESIS), KEY)
    assert faults(other) == ((LINES, "rewritten"),)


def test_no_line_is_made_without_the_key() -> None:
    forged = chained([entry(0)], HEAD, b"x" * 32)
    assert faults([*CHAIN, *forged]) == ((LINES + 1, "edited"),)


def test_lines_before_the_first_are_found() -> None:
    rows = [{**CHAIN[3], "sequence": 0}, *CHAIN]
    assert (0, "edited") in faults(rows)


def test_a_missing_anchor_is_a_fault() -> None:
    assert faults(CHAIN, None) == ((LINES, "anchor-missing"),)


def test_a_long_chain_is_read_in_little_memory() -> None:
    def endless() -> Iterator[dict[str, object]]:
        head = Head(sequence=0, mac=GENESIS)
        for number in range(4_000):
            [row] = chained([entry(number)], head, KEY)
            head = Head(sequence=row["sequence"], mac=row["mac"])
            yield row

    tracemalloc.start()
    try:
        assert verify_chain(endless(), KEY, None).lines == 4_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 19, "the lines themselves take several times that"


@pytest.fixture
def ledger(ledger_site: LedgerSite) -> Iterator[OpenLedger]:
    with ledger_site.open() as opened:
        opened.work.enrol([order(n) for n in range(40)], OPERATOR, NOON)
        yield opened


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE audit_lines SET actor = 'someone else' WHERE sequence = 7", (7, "edited")),
        ("UPDATE audit_lines SET after = after || ' ' WHERE sequence = 8", (8, "edited")),
        ("DELETE FROM audit_lines WHERE sequence = 9", (9, "removed")),
        ("DELETE FROM audit_lines WHERE sequence >= 30", (30, "truncated")),
        ("DELETE FROM audit_lines", (1, "truncated")),
    ],
)
def test_tampering_with_the_table_is_found(
    ledger: OpenLedger, tampering: Tampering, statement: str, fault: tuple[int, str]
) -> None:
    ledger.transactions.bring_up_anchor()
    assert ledger.audit.verify().faults == ()
    tampering.execute(statement)
    assert fault in ledger.audit.verify().faults


def test_swapped_lines_in_the_table_are_found(ledger: OpenLedger, tampering: Tampering) -> None:
    for old, new in ((5, -1), (20, 5), (-1, 20)):
        tampering.execute("UPDATE audit_lines SET sequence = ? WHERE sequence = ?", (new, old))
    assert ledger.audit.verify().faults == ((5, "reordered"), (20, "reordered"))


def test_nothing_is_written_on_a_chain_that_was_cut(
    ledger: OpenLedger, ledger_site: LedgerSite, tampering: Tampering
) -> None:
    """Else the anchor would follow the shorter chain, and nobody could tell."""
    ledger.transactions.bring_up_anchor()
    before = ledger_site.anchor.read_bytes()
    tampering.execute("DELETE FROM audit_lines WHERE sequence >= 30")
    with pytest.raises(LedgerError, match="cut off"):
        ledger.work.claim(1, "h", NOON, MINUTE)
    assert ledger_site.anchor.read_bytes() == before
    assert ledger.work.counts()["leased"] == 0
    with ledger_site.open() as again:
        assert (30, "truncated") in again.audit.verify().faults


def test_a_person_accepts_a_restored_chain_and_the_chain_says_so(
    ledger: OpenLedger, ledger_site: LedgerSite, tampering: Tampering
) -> None:
    ledger.transactions.bring_up_anchor()
    tampering.execute("DELETE FROM audit_lines WHERE sequence >= 30")
    line = ledger.audit.anchor_anew(OPERATOR, NOON, "restored the backup of Monday")
    assert line.sequence == 30
    assert line.before["sequence"] == 41
    assert line.after["sequence"] == 29
    assert ledger.audit.verify().faults == ()
    assert ledger.work.claim(1, "h", NOON, MINUTE)


@pytest.mark.parametrize("harm", ["removed", "emptied", "moved-on", "of-another-key"])
def test_an_anchor_that_was_touched_is_found(
    ledger: OpenLedger, ledger_site: LedgerSite, harm: str
) -> None:
    ledger.transactions.bring_up_anchor()
    told = json.loads(ledger_site.anchor.read_bytes())
    if harm == "removed":
        ledger_site.anchor.unlink()
    elif harm == "emptied":
        ledger_site.anchor.write_bytes(b"")
    elif harm == "moved-on":
        ledger_site.anchor.write_text(json.dumps({**told, "sequence": told["sequence"] - 1}))
    else:
        ledger_site.anchor.write_text(json.dumps({**told, "proof": "0" * 64}))
    assert [fault for _, fault in ledger.audit.verify().faults] == ["anchor-missing"]
    with pytest.raises(LedgerError, match="anchor"):
        ledger.work.claim(1, "h", NOON, MINUTE)
    with ledger_site.open() as again:
        assert again.audit.verify().faults, "opening makes no new anchor in silence"


def test_a_crash_between_commit_and_anchor_is_no_fault(
    ledger: OpenLedger, ledger_site: LedgerSite
) -> None:
    ledger.transactions.bring_up_anchor()
    older = ledger_site.anchor.read_bytes()
    ledger.work.enrol([order(n) for n in range(100, 200)], OPERATOR, NOON)
    ledger.transactions.bring_up_anchor()
    ledger_site.anchor.write_bytes(older)
    with ledger_site.open() as again:
        assert again.audit.verify().faults == ()
        assert again.work.claim(1, "h", NOON, MINUTE)
    assert json.loads(ledger_site.anchor.read_bytes())["sequence"] > 100, "the next writer moved it"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_lines SET actor = 'x'",
        "DELETE FROM audit_lines WHERE sequence = 3",
        "INSERT INTO audit_lines SELECT 99, at_utc, actor, act, subject, before, after, reason, "
        "previous_mac, mac FROM audit_lines WHERE sequence = 3",
        "REPLACE INTO audit_lines SELECT * FROM audit_lines WHERE sequence = 3",
        "TRUNCATE audit_lines",
    ],
)
def test_the_database_itself_refuses_to_change_lines(ledger: OpenLedger, statement: str) -> None:
    with (
        pytest.raises(DBAPIError),
        ledger.transactions.database.begin() as connection,
    ):
        connection.exec_driver_sql(statement)
    assert ledger.audit.verify().faults == ()
