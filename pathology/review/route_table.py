"""Every address of the page, and what an account must be allowed to do there. There is no other.

The guard lets nothing pass that is not in this table, so an answer without a rule cannot be
reached, however it was added to the application.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from pathology.records.actor import Act
from pathology.review import cases, correcting, counting, looking, page_files, signing_in
from pathology.review.case_changes import CHANGES

Answer: TypeAlias = Callable[[Request], Awaitable[Response]]
RESULT: Final = "/results/{slide_id}/{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One address. Where its path names a result, the act is asked about that result's case."""

    path: str
    answer: Answer
    act: Act | Literal["anyone", "signed-in"]
    method: Literal["GET", "POST"] = "GET"
    page: bool = False  # for a person: without a session they are sent to sign in
    tells: bool = False  # what the AI found: not before an own reading, where that comes first
    of_case: bool = True  # where the path names a case: whether the account must see that case


ROUTES: Final[tuple[Rule, ...]] = (
    Rule(path="/page/{file}", answer=page_files.page_file, act="anyone"),
    Rule(path="/sign-in", answer=signing_in.sign_in_page, act="anyone"),
    Rule(path="/sign-in", answer=signing_in.sign_in, act="anyone", method="POST"),
    Rule(path="/password", answer=signing_in.change_password, act="anyone", method="POST"),
    Rule(path="/sign-out", answer=signing_in.sign_out, act="signed-in", method="POST"),
    Rule(path="/me", answer=signing_in.me, act="signed-in"),
    Rule(path="/glass", answer=signing_in.break_glass, act="view-case", method="POST"),
    Rule(path="/glass", answer=signing_in.glass_broken, act="verify-audit"),
    Rule(path="/", answer=page_files.list_page, act="read-worklist", page=True),
    Rule(path="/results", answer=looking.results, act="read-worklist"),
    Rule(
        path="/slides/{slide_id}/{name}", answer=page_files.slide_page, act="view-case", page=True
    ),
    Rule(path=RESULT, answer=looking.result, act="view-case"),
    Rule(path=f"{RESULT}/layers", answer=looking.layers, act="view-case", tells=True),
    Rule(path=f"{RESULT}/view", answer=looking.view, act="view-case"),
    Rule(
        path=f"{RESULT}/tiles/{{level:int}}/{{column:int}}/{{row:int}}",
        answer=looking.tile,
        act="view-case",
    ),
    Rule(path=f"{RESULT}/maps/{{map}}", answer=looking.map_of, act="view-case", tells=True),
    Rule(path=f"{RESULT}/regions", answer=looking.regions, act="view-case", tells=True),
    Rule(path=f"{RESULT}/points", answer=looking.points, act="view-case", tells=True),
    Rule(path=f"{RESULT}/outlines", answer=looking.outlines, act="view-case", tells=True),
    Rule(path=f"{RESULT}/nucleus", answer=looking.nucleus, act="view-case", tells=True),
    Rule(path=f"{RESULT}/saw", answer=cases.saw, act="review-case", method="POST", tells=True),
    Rule(path="/worklist", answer=cases.worklist_page, act="read-worklist", page=True),
    Rule(path="/cases", answer=cases.cases, act="read-worklist"),
    Rule(path="/cases", answer=cases.put, act="open-case", method="POST"),
    Rule(path="/desk/{case}", answer=cases.case_page, act="view-case", page=True),
    Rule(path="/cases/{case}", answer=cases.case, act="view-case"),
    *(
        Rule(
            path=f"/cases/{{case}}/{name}",
            answer=cases.change_of(name),
            act=kind.act,
            method="POST",
            of_case=kind.of_own,
        )
        for name, kind in CHANGES.items()
    ),
    Rule(path="/cases/{case}/sign", answer=cases.sign, act="sign-report", method="POST"),
    Rule(
        path=f"{RESULT}/count",
        answer=counting.count,
        act="count-region",
        method="POST",
        tells=True,
    ),
    Rule(
        path=f"{RESULT}/editing",
        answer=correcting.editing,
        act="correct-result",
        tells=True,
    ),
    Rule(
        path=f"{RESULT}/adopt",
        answer=correcting.adopt,
        act="correct-result",
        tells=True,
    ),
    Rule(
        path=f"{RESULT}/inside",
        answer=correcting.inside,
        act="correct-result",
        method="POST",
        tells=True,
    ),
    Rule(
        path=f"{RESULT}/foresee",
        answer=correcting.foresee,
        act="correct-result",
        method="POST",
        tells=True,
    ),
    Rule(
        path=f"{RESULT}/keep",
        answer=correcting.keep,
        act="correct-result",
        method="POST",
        tells=True,
    ),
)
