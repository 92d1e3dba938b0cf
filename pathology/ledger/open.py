"""Opening the archive: database, tables, keys, anchor; each refuses with a reason."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from pathology.errors import LedgerError, VaultError
from pathology.ledger.accounts import AccountBook
from pathology.ledger.anchor import Anchor
from pathology.ledger.cases import CaseBook
from pathology.ledger.chain import Chain, Entry, head_of
from pathology.ledger.database import connect
from pathology.ledger.outbox import OutboxBook
from pathology.ledger.retaining import RetentionBook
from pathology.ledger.rotation import Rotation
from pathology.ledger.schema import ABSENT, prepare_tables
from pathology.ledger.sealing import Sealing, current_key
from pathology.ledger.shifts import ShiftBook
from pathology.ledger.tables import AnchorRow, KeyProofRow, WrappingKeyRow
from pathology.ledger.trail import Trail
from pathology.ledger.transactions import Transactions
from pathology.ledger.withdrawing import WithdrawalBook
from pathology.ledger.worklist import Worklist
from pathology.records.settings.deciding import DecidingSettings, RetentionSettings
from pathology.records.settings.ledger import LedgerSettings
from pathology.vault.codes import proof_of, same_code
from pathology.vault.envelope import Vault


def utc_now() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What the settings leave to the user's state folder."""

    database: Path  # SQLite's file
    anchor: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How to open: who answers for what is done, by which clock, and whether tables may change.

    ``acting`` is an account's name, or a system user's before there is an account.
    """

    acting: str
    clock: Callable[[], datetime] = utc_now
    migrate: bool = False
    make: bool = True  # whether a ledger is made where there is none


class OpenLedger:
    """The archive, opened (``records.ledger.Ledger``). Closing it closes the database."""

    def __init__(self, database: Engine, transactions: Transactions, vault: Vault) -> None:
        self._database, self.transactions, self._vault = database, transactions, vault
        self._acting, self._clock = "", utc_now

    def acting_as(self, opening: Opening) -> OpenLedger:
        """The same database, for another account."""
        other = OpenLedger(self._database, self.transactions, self._vault)
        other._acting, other._clock = opening.acting, opening.clock
        return other

    @property
    def work(self) -> Worklist:
        """The worklist."""
        return Worklist(self.transactions, Sealing(self._vault), self._acting)

    @property
    def audit(self) -> Trail:
        """The chain."""
        return Trail(self.transactions)

    @property
    def accounts(self) -> AccountBook:
        """Who may do what."""
        return AccountBook(self.transactions, self._clock)

    @property
    def shifts(self) -> ShiftBook:
        """The night's own lock."""
        return ShiftBook(self.transactions)

    def cases(self, rules: DecidingSettings) -> CaseBook:
        """The review desk, by the site's rules."""
        return CaseBook(self.transactions, Sealing(self._vault), self.accounts, rules)

    def retention(self, rules: RetentionSettings) -> RetentionBook:
        """How long cases are kept, by the site's rules."""
        return RetentionBook(self.transactions, self.accounts, rules)

    @property
    def outbox(self) -> OutboxBook:
        """What is to leave."""
        sealing = Sealing(self._vault)
        return OutboxBook(self.transactions, sealing, self.accounts, self._acting)

    @property
    def models(self) -> WithdrawalBook:
        """Models that are out of use."""
        return WithdrawalBook(self.transactions, self.accounts)

    @property
    def keys(self) -> Rotation:
        """The wrapping keys: which one locks what, and how it is changed."""
        return Rotation(self.transactions, self._vault)

    def close(self) -> None:
        """Let go of the database."""
        self.transactions.bring_up_anchor()
        self._database.dispose()

    def __enter__(self) -> OpenLedger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_ledger(
    settings: LedgerSettings, vault: Vault, places: Places, opening: Opening
) -> OpenLedger:
    """The archive of these settings, made where there is none.

    Raises
    ------
    LedgerAway
        The database cannot be reached just now.
    LedgerError
        It is of another version, lies on a network share, or is no ledger.
    VaultError
        The key ring is not the one that it was written with.
    """
    if not (opening.make or settings.url or places.database.exists()):
        raise LedgerError(ABSENT)
    database = connect(settings, places.database)
    with ExitStack() as refused:
        refused.callback(database.dispose)
        prepare_tables(database, make=opening.make, migrate=opening.migrate)
        anchor = Anchor(places.anchor, vault.ring.chain)
        transactions = Transactions(database, Chain(vault.ring.chain, anchor))
        _check_keys(transactions, vault, opening)
        _place_anchor(transactions, opening)
        refused.pop_all()
    return OpenLedger(database, transactions, vault).acting_as(opening)


def _check_keys(transactions: Transactions, vault: Vault, opening: Opening) -> None:
    """Refuse a ring that is not this ledger's; a fresh ledger keeps proofs of its first one."""
    with transactions.reading() as session:
        known = _proofs(session)
    if not known:
        with transactions.writing() as writing:
            known = _proofs(writing.session) or _keep_proofs(writing.session, vault, opening)
    for purpose, key in _keys_by_purpose(vault).items():
        if not same_code(known.get(purpose, ""), proof_of(key, purpose)):
            raise VaultError(
                f"the key ring is not the one of this ledger (its {purpose} key is another): "
                "restore the ring it was made with"
            )
    with transactions.reading() as session:
        vault.check(current_key(session))


def _proofs(session: Session) -> dict[str, str]:
    return {row.purpose: row.proof for row in session.scalars(select(KeyProofRow))}


def _keep_proofs(session: Session, vault: Vault, opening: Opening) -> dict[str, str]:
    proofs = {p: proof_of(key, p) for p, key in _keys_by_purpose(vault).items()}
    session.add_all(KeyProofRow(purpose=p, proof=proof) for p, proof in proofs.items())
    current, now = vault.ring.current, opening.clock()
    session.add(WrappingKeyRow(name=current, state="current", since_utc=now))
    return proofs


def _keys_by_purpose(vault: Vault) -> dict[str, bytes]:
    return {"pseudonym": vault.ring.pseudonym, "chain": vault.ring.chain}


def _place_anchor(transactions: Transactions, opening: Opening) -> None:
    """Give a machine that is new to this ledger an anchor, and tell of it in the chain.

    An anchor that is known and missing, or that saw other lines, is left as it is: then nothing
    can be written, and verifying says why.
    """
    chain = transactions.chain
    with transactions.reading() as session:
        if session.get(AnchorRow, chain.anchor.place) is not None:
            return
    with transactions.writing() as writing:
        head = head_of(writing.session)
        if writing.session.get(AnchorRow, chain.anchor.place) is not None:
            return
        if not chain.anchor.exists():
            chain.anchor.put(head)  # before the line is committed: it never leads
        if not chain.holds(writing.session, head):
            return
        since = head.sequence
        writing.session.add(AnchorRow(place=chain.anchor.place, since_sequence=since))
        writing.note(
            Entry(
                at_utc=opening.clock(),
                actor=opening.acting,
                act="place-anchor",
                subject=chain.anchor.place,
                after={"sequence": since, "mac": head.mac},
            )
        )
