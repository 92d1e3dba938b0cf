"""Which cases an account may see, and glass that was broken to see another in need."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from pathology.errors import UsageError
from pathology.ledger.accounts import AccountBook
from pathology.ledger.case_tables import ReviewCaseRow
from pathology.ledger.chain import Entry
from pathology.ledger.entrance_tables import BrokenGlassRow
from pathology.ledger.sealing import Sealing
from pathology.ledger.tables import CaseRow
from pathology.ledger.transactions import Transactions
from pathology.records.actor import Actor
from pathology.records.entrance import BrokenGlass
from pathology.records.settings.access import CaseAccessSettings
from pathology.vault.codes import pseudonym

SHORTEST_REASON = 10
LONGEST_REASON = 1000
NAMED = re.compile(r"C[0-9a-f]{16}")


class CaseAccess:
    """Cases by what results call them, or by a slide where the order named no case."""

    def __init__(
        self,
        transactions: Transactions,
        sealing: Sealing,
        accounts: AccountBook,
        rules: CaseAccessSettings,
    ) -> None:
        self._transactions, self._sealing = transactions, sealing
        self._accounts, self._rules = accounts, rules

    def key_of(self, case_id: str | None, slide_id: str) -> str:
        """The case as lines of the chain call it."""
        if case_id is not None:
            # With pseudonyms results call a case as the ledger does.
            named = NAMED.fullmatch(case_id)
            return case_id if named else self._sealing.case_name(case_id)
        return "L" + pseudonym(self._sealing.vault.ring.pseudonym, "slide", slide_id.encode())[:16]

    def sees(self, actor: Actor, case: tuple[str | None, str], now_utc: datetime) -> bool:
        """Whether an account whose role lets it see cases sees this one: (case id, slide id)."""
        if self._rules.seen == "by-role":
            return True
        case_id, slide_id = case
        with self._transactions.reading() as session:
            if case_id is not None and self._assigned(session, actor.name, case_id):
                return True
            query = select(func.count()).where(
                BrokenGlassRow.account == actor.name,
                BrokenGlassRow.case_key == self.key_of(case_id, slide_id),
                BrokenGlassRow.since_utc <= now_utc,
                BrokenGlassRow.until_utc > now_utc,
            )
            return bool(session.scalar(query))

    def break_glass(
        self, actor: Actor, case: tuple[str | None, str], why: str, now_utc: datetime
    ) -> BrokenGlass:
        """See a case of others for a while.

        Raises
        ------
        NotAllowed
            The account's roles let it see no case at all.
        UsageError
            There is no reason worth the name.
        """
        self._accounts.require(actor, "view-case")
        reason = " ".join(why.split())
        if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
            raise UsageError(f"the reason has {SHORTEST_REASON} to {LONGEST_REASON} characters")
        until = now_utc + timedelta(hours=self._rules.break_glass_hours)
        key = self.key_of(*case)
        with self._transactions.writing() as writing:
            last = writing.session.scalar(select(func.max(BrokenGlassRow.glass_id))) or 0
            row = BrokenGlassRow(
                glass_id=last + 1,
                account=actor.name,
                case_key=key,
                since_utc=now_utc,
                until_utc=until,
                reason=reason,
            )
            writing.session.add(row)
            writing.note(
                Entry(
                    at_utc=now_utc,
                    actor=actor.name,
                    act="break-glass",
                    subject=key,
                    after={"until_utc": until.isoformat()},
                    reason=reason,
                )
            )
            return _told(row)

    def broken(self, by: Actor, now_utc: datetime) -> list[BrokenGlass]:
        """Glass broken of late, the newest first, for who may verify the chain; NotAllowed."""
        self._accounts.require(by, "verify-audit")
        since = now_utc - timedelta(hours=self._rules.told_hours)
        query = select(BrokenGlassRow).where(BrokenGlassRow.since_utc >= since)
        with self._transactions.reading() as session:
            rows = session.scalars(query.order_by(BrokenGlassRow.glass_id.desc()))
            return [_told(row) for row in rows]

    def _assigned(self, session: Session, account: str, case_id: str) -> bool:
        query = (
            select(func.count())
            .select_from(ReviewCaseRow)
            .join(CaseRow, CaseRow.case_id == ReviewCaseRow.case_id)
            .where(
                CaseRow.name == self.key_of(case_id, ""),
                or_(ReviewCaseRow.assignee == account, ReviewCaseRow.second_reader == account),
            )
        )
        return bool(session.scalar(query))


def _told(row: BrokenGlassRow) -> BrokenGlass:
    return BrokenGlass(
        account=row.account,
        case_key=row.case_key,
        since_utc=row.since_utc,
        until_utc=row.until_utc,
        reason=row.reason,
    )
