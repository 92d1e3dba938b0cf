"""Tables of the review desk. Judgements and texts are sealed with the key of their case.

``case_entries`` and ``signed_versions`` are only ever added to; triggers refuse the rest.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pathology.ledger.tables import Archive


class ReviewCaseRow(Archive):
    """A case on the desk: what the worklist shows, without any judgement."""

    __tablename__ = "review_cases"
    case_id: Mapped[int] = mapped_column(
        ForeignKey("cases.case_id"), primary_key=True, autoincrement=False
    )
    state: Mapped[str] = mapped_column(String(10), index=True)
    version: Mapped[int]
    priority: Mapped[str] = mapped_column(String(10))
    deadline_utc: Mapped[datetime | None]
    opened_utc: Mapped[datetime]
    assignee: Mapped[str | None] = mapped_column(String(64), index=True)
    second_reader: Mapped[str | None] = mapped_column(String(64))
    needs_second: Mapped[bool] = mapped_column(Boolean)
    discrepancy: Mapped[bool] = mapped_column(Boolean)
    slides: Mapped[int] = mapped_column(Integer)
    analyses: Mapped[str] = mapped_column(String(100))
    changed_by: Mapped[str] = mapped_column(String(64))
    changed_utc: Mapped[datetime]
    legal_hold: Mapped[bool] = mapped_column(Boolean)
    purge_asked_by: Mapped[str | None] = mapped_column(String(64))
    purged_utc: Mapped[datetime | None]


class CaseEntryRow(Archive):
    """One thing that happened to a case; what it says is sealed."""

    __tablename__ = "case_entries"
    entry_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    case_id: Mapped[int] = mapped_column(ForeignKey("review_cases.case_id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    version: Mapped[int]  # of the case, after it
    state: Mapped[str] = mapped_column(String(10))  # of the report, after it
    actor: Mapped[str] = mapped_column(String(64), index=True)
    at_utc: Mapped[datetime]
    request_id: Mapped[str] = mapped_column(String(64), unique=True)
    sealed_body: Mapped[bytes]


class CaseModelRow(Archive):
    """A network that a result of a case rests on, or rested on."""

    __tablename__ = "case_models"
    case_id: Mapped[int] = mapped_column(ForeignKey("review_cases.case_id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    weights_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)  # "": no weights


class SignedVersionRow(Archive):
    """An immutable version of a report."""

    __tablename__ = "signed_versions"
    __table_args__ = (UniqueConstraint("proof_id"),)
    case_id: Mapped[int] = mapped_column(ForeignKey("review_cases.case_id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(String(10))
    signer: Mapped[str] = mapped_column(String(64))
    signed_utc: Mapped[datetime]
    content_sha256: Mapped[str] = mapped_column(String(64))
    proof_id: Mapped[str] = mapped_column(String(64))
    sealed_content: Mapped[bytes]


class OutboxRow(Archive):
    """A signed version on its way to one destination."""

    __tablename__ = "outbox"
    item_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    case_id: Mapped[int] = mapped_column(ForeignKey("review_cases.case_id"), index=True)
    number: Mapped[int] = mapped_column(Integer)
    format: Mapped[str] = mapped_column(String(20))
    destination: Mapped[str] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(10), index=True)
    tries: Mapped[int] = mapped_column(Integer)
    not_before_utc: Mapped[datetime]
    last_problem: Mapped[str] = mapped_column(Text)


class WithdrawnModelRow(Archive):
    """A model taken out of use, and when it was brought back."""

    __tablename__ = "withdrawn_models"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(200), index=True)
    weights_sha256: Mapped[str | None] = mapped_column(String(64))
    why: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(64))
    at_utc: Mapped[datetime]
    restored_by: Mapped[str | None] = mapped_column(String(64))
    restored_utc: Mapped[datetime | None]
