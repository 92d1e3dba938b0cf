"""Keys are changed while others work, and an old key goes only when nothing needs it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pathology.errors import VaultError
from pathology.vault.ring import read_ring, with_fresh_key, without_key, write_ring
from tests.ledgers import MINUTE, NOON, OPERATOR, VAULT, LedgerSite, Tampering, order


def fresh_key_on(site: LedgerSite) -> str:
    ring = with_fresh_key(read_ring(VAULT, site.keys))
    write_ring(ring, site.keys)
    return ring.current


def test_rotation_while_another_process_works(ledger_site: LedgerSite) -> None:
    """``worker`` read the ring before; it goes on with what is old, new and locked again."""
    with ledger_site.open() as worker, ledger_site.open() as operator:
        worker.work.enrol([order(n) for n in range(30)], OPERATOR, NOON)
        before = worker.work.items()
        [old] = worker.keys.uses()
        new = fresh_key_on(ledger_site)
        worker.work.enrol([order(50)], OPERATOR, NOON)
        assert set(worker.keys.uses()) == {old}, "not adopted yet"
        assert operator.keys.adopt(OPERATOR, NOON) == new
        [late] = worker.work.enrol([order(60)], OPERATOR, NOON).new
        assert worker.keys.uses()[new] == 2, "a slide and a case"
        assert operator.keys.retire(OPERATOR, NOON) == ()
        left = [operator.keys.lock_again(OPERATOR, NOON, at_once=20) for _ in range(3)]
        assert left == [27, 7, 0]
        assert worker.work.items(ids=[i.item_id for i in before]) == before
        assert operator.keys.retire(OPERATOR, NOON) == (old,)
        write_ring(without_key(read_ring(VAULT, ledger_site.keys), old), ledger_site.keys)
        lease = worker.work.claim(late, "h", NOON, MINUTE)
        assert lease
    with ledger_site.open() as later:
        assert later.work.items(ids=[i.item_id for i in before]) == before
        assert set(later.keys.uses()) == {new}
        assert later.audit.verify().faults == ()
        acts = [line.act for line in later.audit.lines()]
        assert acts.count("new-wrapping-key") == acts.count("retire-wrapping-key") == 1
        assert acts.count("lock-again") >= 2


def test_a_ring_without_the_current_key_is_refused(ledger_site: LedgerSite) -> None:
    ledger_site.open().close()
    ring = read_ring(VAULT, ledger_site.keys)
    write_ring(without_key(with_fresh_key(ring), ring.current), ledger_site.keys)
    with pytest.raises(VaultError, match="not on the key ring"):
        ledger_site.open()


def test_a_key_that_was_old_is_not_adopted_again(ledger_site: LedgerSite) -> None:
    with ledger_site.open() as ledger:
        first = read_ring(VAULT, ledger_site.keys)
        second = fresh_key_on(ledger_site)
        assert ledger.keys.adopt(OPERATOR, NOON) == ledger.keys.current() == second
        both = read_ring(VAULT, ledger_site.keys)
        write_ring(replace(both, current=first.current), ledger_site.keys)
        with pytest.raises(VaultError, match="in use before"):
            ledger.keys.adopt(OPERATOR, NOON)
        assert ledger.keys.current() == second


def test_sealed_texts_cannot_change_places(ledger_site: LedgerSite, tampering: Tampering) -> None:
    """One patient's path under another's item does not open: it is refused, not shown."""
    with ledger_site.open() as ledger:
        ledger.work.enrol([order(n) for n in range(3)], OPERATOR, NOON)
        [(path,)] = tampering.execute("SELECT sealed_path FROM slides WHERE slide_row = 1")
        tampering.execute("UPDATE slides SET sealed_path = ? WHERE slide_row = 2", (path,))
        with pytest.raises(VaultError):
            ledger.work.items(ids=[2])
        assert ledger.work.items(ids=[1, 3])
        [(key,)] = tampering.execute("SELECT data_key FROM slides WHERE slide_row = 1")
        tampering.execute("UPDATE slides SET data_key = ? WHERE slide_row = 2", (key,))
        with pytest.raises(VaultError):
            ledger.work.items(ids=[2])


def test_a_record_whose_data_key_was_given_up_stays_shut(
    ledger_site: LedgerSite, tampering: Tampering, tmp_path: Path
) -> None:
    with ledger_site.open() as ledger:
        ledger.work.enrol([order(n) for n in range(3)], OPERATOR, NOON)
        tampering.execute(
            "UPDATE data_keys SET sealed = ? WHERE name = "
            "(SELECT data_key FROM slides WHERE slide_row = 1)",
            (b"",),
        )
        with pytest.raises(VaultError):
            ledger.work.items(ids=[1])
        assert len(ledger.work.items(ids=[2, 3])) == 2
