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
from pathology.review import (
    case_answers,
    case_signing,
    correcting,
    counting,
    looking,
    night_answers,
    opinion_answers,
    page_files,
    question_answers,
    signing_in,
    signing_on,
    upload_answers,
)

Answer: TypeAlias = Callable[[Request], Awaitable[Response]]
RESULT: Final = "/results/{slide_id}/{name}"
CASE: Final = "/cases/{case}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One address. Where its path names a result, the act is asked about that result's case."""

    path: str
    answer: Answer
    act: Act | Literal["anyone", "signed-in"]
    method: Literal["GET", "POST"] = "GET"
    page: bool = False  # for a person: without a session they are sent to sign in
    file: bool = False  # the body is a file as it is, as long as the settings let slides be
    tells: bool = False  # what the AI found: not to who has an own reading to tell first


ROUTES: Final[tuple[Rule, ...]] = (
    Rule(path="/page/{file}", answer=page_files.page_file, act="anyone"),
    Rule(path="/sign-in", answer=signing_in.sign_in_page, act="anyone"),
    Rule(path="/sign-in", answer=signing_in.sign_in, act="anyone", method="POST"),
    Rule(path="/password", answer=signing_in.change_password, act="anyone", method="POST"),
    Rule(path="/sign-in/ways", answer=signing_on.ways, act="anyone"),
    Rule(path="/sign-in/outside", answer=signing_on.leave, act="anyone", method="POST"),
    Rule(path="/sign-in/back", answer=signing_on.back_page, act="anyone"),
    Rule(path="/sign-in/back", answer=signing_on.come_back, act="anyone", method="POST"),
    Rule(path="/sign-out", answer=signing_in.sign_out, act="signed-in", method="POST"),
    Rule(path="/me", answer=signing_in.me, act="signed-in"),
    Rule(path="/glass", answer=signing_in.break_glass, act="view-case", method="POST"),
    Rule(path="/glass", answer=signing_in.glass_broken, act="verify-audit"),
    Rule(path="/glass/prove", answer=signing_on.prove_for_glass, act="view-case", method="POST"),
    Rule(path="/glass/broken", answer=signing_in.glass_page, act="verify-audit", page=True),
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
    Rule(
        path=f"{RESULT}/count",
        answer=counting.count,
        act="count-region",
        method="POST",
        tells=True,
    ),
    Rule(path="/cases/list", answer=case_answers.worklist, act="read-worklist"),
    Rule(path=CASE, answer=page_files.case_page, act="view-case", page=True),
    Rule(path=f"{CASE}/told", answer=case_answers.case, act="view-case"),
    Rule(
        path=f"{CASE}/steps/{{step}}",
        answer=case_answers.review_step,
        act="review-case",
        method="POST",
    ),
    Rule(path=f"{CASE}/text", answer=case_signing.write_text, act="review-case", method="POST"),
    Rule(path=f"{CASE}/renew", answer=case_signing.renew_text, act="review-case", method="POST"),
    Rule(path=f"{CASE}/prove", answer=signing_on.prove, act="sign-report", method="POST"),
    Rule(path=f"{CASE}/sign", answer=case_signing.sign, act="sign-report", method="POST"),
    Rule(
        path=f"{CASE}/reports/{{number:int}}.{{form}}", answer=case_signing.report, act="view-case"
    ),
    Rule(
        path=f"{CASE}/team/{{step}}",
        answer=case_answers.assign_step,
        act="assign-case",
        method="POST",
    ),
    Rule(path=f"{CASE}/opinions", answer=opinion_answers.opinions, act="send-bundle"),
    Rule(path=f"{CASE}/opinions/ask", answer=opinion_answers.ask, act="send-bundle", method="POST"),
    Rule(
        path=f"{CASE}/opinions/take", answer=opinion_answers.take, act="send-bundle", method="POST"
    ),
    Rule(path=f"{CASE}/opinions/{{bundle}}", answer=opinion_answers.bundle, act="send-bundle"),
    Rule(path="/question", answer=question_answers.question_page, act="answer-bundle", page=True),
    Rule(path="/question/told", answer=question_answers.question, act="answer-bundle"),
    Rule(
        path="/question/answer", answer=question_answers.answer, act="answer-bundle", method="POST"
    ),
    Rule(path="/night", answer=page_files.night_page, act="read-worklist", page=True),
    Rule(path="/night/status", answer=night_answers.night_status, act="read-worklist"),
    Rule(path="/night/plan", answer=night_answers.night_plan, act="plan-night"),
    Rule(path="/night/slides", answer=night_answers.night_slides, act="run-analysis"),
    Rule(path="/night/uploads", answer=upload_answers.upload_limits, act="upload-slide"),
    Rule(
        path="/night/uploads", answer=upload_answers.begin_upload, act="upload-slide", method="POST"
    ),
    Rule(
        path="/night/uploads/{upload}",
        answer=upload_answers.receive_upload,
        act="upload-slide",
        method="POST",
        file=True,
    ),
    Rule(path="/night/pick", answer=night_answers.pick_slide, act="run-analysis", method="POST"),
    Rule(path="/night/again", answer=night_answers.run_again, act="run-analysis", method="POST"),
    Rule(path=f"{RESULT}/editing", answer=correcting.editing, act="correct-result", tells=True),
    Rule(path=f"{RESULT}/adopt", answer=correcting.adopt, act="correct-result", tells=True),
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
