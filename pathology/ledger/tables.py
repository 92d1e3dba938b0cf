"""Tables of the archive. What could name a patient is sealed (``vault``); look-ups go by pseudonym.

Columns called ``sealed...`` hold AES-GCM texts bound to table, column and row. Times are UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcTime(TypeDecorator[datetime]):
    """An aware time, kept in UTC; a naive one is refused, since nobody knows what it means."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; SQLite keeps no zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Aware, in UTC."""
        if value is None:
            return None
        stored: datetime = value
        return stored.astimezone(UTC) if stored.tzinfo else stored.replace(tzinfo=UTC)


Number = BigInteger().with_variant(Integer, "sqlite")  # SQLite's row ids are INTEGER only


class Archive(DeclarativeBase):
    """All tables."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        int: Number,
        float: Double(),
        datetime: UtcTime,
        bytes: LargeBinary,
    }


class DataKeyRow(Archive):
    """A locked data key (``vault.envelope.WrappedKey``); one a case and one a slide."""

    __tablename__ = "data_keys"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    wrapped_by: Mapped[str] = mapped_column(String(40), index=True)
    sealed: Mapped[bytes]


class WrappingKeyRow(Archive):
    """Which wrapping keys there were, and which one locks what is new. No key stands here."""

    __tablename__ = "wrapping_keys"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    state: Mapped[str] = mapped_column(String(10))  # current, old, retired
    since_utc: Mapped[datetime]


class KeyProofRow(Archive):
    """Proof of the keys for pseudonyms and the chain: with another key nothing is written."""

    __tablename__ = "key_proofs"
    purpose: Mapped[str] = mapped_column(String(20), primary_key=True)
    proof: Mapped[str] = mapped_column(String(64))


class CaseRow(Archive):
    """A case, known by the pseudonym of its accession."""

    __tablename__ = "cases"
    case_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    data_key: Mapped[str] = mapped_column(ForeignKey("data_keys.name"))
    sealed_accession: Mapped[bytes]


class SlideRow(Archive):
    """A slide's place, known by the pseudonym of its path; its content's id once it was read."""

    __tablename__ = "slides"
    slide_row: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    data_key: Mapped[str] = mapped_column(ForeignKey("data_keys.name"))
    sealed_path: Mapped[bytes]
    slide_id: Mapped[str | None] = mapped_column(Text, index=True)
    digest: Mapped[str | None] = mapped_column(Text)


class ItemRow(Archive):
    """One order: an analysis of a slide. ``known_as`` is over path, analysis and order id."""

    __tablename__ = "items"
    item_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    known_as: Mapped[str] = mapped_column(String(40), unique=True)
    slide_row: Mapped[int] = mapped_column(ForeignKey("slides.slide_row"), index=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.case_id"), index=True)
    analysis: Mapped[str] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(20))
    marker: Mapped[str | None] = mapped_column(Text)
    priority: Mapped[str] = mapped_column(String(10))
    deadline_utc: Mapped[datetime | None]
    mpp: Mapped[float | None]
    sealed_order: Mapped[bytes]  # identity and the file of a person's region
    state: Mapped[str] = mapped_column(String(10))
    attempts: Mapped[int] = mapped_column(Integer)  # since a person last asked for it
    received_utc: Mapped[datetime]
    not_before_utc: Mapped[datetime]
    last_ended: Mapped[int | None] = mapped_column(Integer)  # number of the newest ended attempt


class LeaseRow(Archive):
    """Who works on an item. ``since_utc`` is the owner's clock when it last showed a sign."""

    __tablename__ = "leases"
    item_id: Mapped[int] = mapped_column(
        ForeignKey("items.item_id"), primary_key=True, autoincrement=False
    )
    attempt: Mapped[int] = mapped_column(Integer)
    owner: Mapped[str] = mapped_column(Text)
    token: Mapped[str] = mapped_column(String(64))
    since_utc: Mapped[datetime]
    until_utc: Mapped[datetime]


class AttemptRow(Archive):
    """One try at an item; what it left is null while it goes on or was lost."""

    __tablename__ = "attempts"
    item_id: Mapped[int] = mapped_column(
        ForeignKey("items.item_id"), primary_key=True, autoincrement=False
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    owner: Mapped[str] = mapped_column(Text)
    token: Mapped[str] = mapped_column(String(64))
    started_utc: Mapped[datetime]
    ended_utc: Mapped[datetime | None] = mapped_column(index=True)
    kind: Mapped[str | None] = mapped_column(String(10))
    told: Mapped[str | None] = mapped_column(Text)  # outcome as JSON, without what is sealed
    sealed_rest: Mapped[bytes | None]  # facts and folder: they may hold names
    retry_utc: Mapped[datetime | None]


class ResultRow(Archive):
    """A registered result, by the key over all that made it; its first attempt stays."""

    __tablename__ = "results"
    result_key: Mapped[str] = mapped_column(Text, primary_key=True)
    result_id: Mapped[str | None] = mapped_column(Text)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.item_id"), index=True)
    attempt: Mapped[int] = mapped_column(Integer)
    slide_id: Mapped[str | None] = mapped_column(Text)
    sealed_folder: Mapped[bytes]
    registered_utc: Mapped[datetime]


class AccountRow(Archive):
    """A person or a service. The name is an account's, never a patient's."""

    __tablename__ = "accounts"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    os_user: Mapped[str | None] = mapped_column(String(64), unique=True)
    made_utc: Mapped[datetime]
    closed_utc: Mapped[datetime | None]


class AccountRoleRow(Archive):
    """A role that an account has."""

    __tablename__ = "account_roles"
    account: Mapped[str] = mapped_column(ForeignKey("accounts.name"), primary_key=True)
    role: Mapped[str] = mapped_column(String(20), primary_key=True)


class AuditRow(Archive):
    """A line of the chain as it was written: all texts, so that its code is over these bytes."""

    __tablename__ = "audit_lines"
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at_utc: Mapped[str] = mapped_column(String(40))
    actor: Mapped[str] = mapped_column(Text)
    act: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    before: Mapped[str] = mapped_column(Text)
    after: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    previous_mac: Mapped[str] = mapped_column(String(64))
    mac: Mapped[str] = mapped_column(String(64))


class WriterRow(Archive):
    """One row that every writer locks first: one chain, one writer at a time."""

    __tablename__ = "writer"
    row: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)


class AnchorRow(Archive):
    """A second place that holds the chain's head, and since which line."""

    __tablename__ = "anchors"
    place: Mapped[str] = mapped_column(String(40), primary_key=True)
    since_sequence: Mapped[int]


Index("ix_items_state_not_before_utc", ItemRow.state, ItemRow.not_before_utc)
