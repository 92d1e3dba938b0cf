"""A signed version as one HTML page; the signature stands on every page of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

import jinja2

from pathology.records.decision import Decision
from pathology.records.report import Worded
from pathology.records.signed_report import Meaning, SignedFinding, SignedReport
from pathology.reports.plain_text import HEADINGS

MEANINGS: Final[Mapping[Meaning, Worded]] = MappingProxyType(
    {
        "reviewed": Worded(en="reviewed", zh="审核"),
        "approved": Worded(en="approved", zh="批准"),
        "responsible": Worded(en="responsible", zh="负责"),
    }
)
STATES: Final = MappingProxyType(
    {
        "SIGNED": Worded(en="Signed report", zh="已签发报告"),
        "AMENDED": Worded(en="Amended report", zh="修订报告"),
    }
)
DECISIONS: Final = MappingProxyType(
    {
        "accept": Worded(en="accepted", zh="采纳"),
        "reject": Worded(en="rejected", zh="未采纳"),
        "override": Worded(en="overridden", zh="改写"),
    }
)
SIGNED_HEADINGS: Final = MappingProxyType(
    {
        "decisions": Worded(en="Findings and decisions", zh="结果与医师决定"),
        "flagged": Worded(
            en="What the machine's check says of the text (shown to the signer)",
            zh="机器检查对正文的提示（已向签发者显示）",
        ),
        "differences": Worded(
            en="Reader and AI differ beyond the site's setting", zh="医师判读与 AI 的差异超过设定"
        ),
        "amendment": Worded(en="Reason for the amendment", zh="修订理由"),
        "second": Worded(en="Second reader", zh="第二阅片者"),
    }
)
SHARE: Final = "fraction"


def signed_html(report: SignedReport, content_sha256: str) -> str:
    """The whole page, in both languages; everything that persons wrote is escaped."""
    return _template().render(
        report=report,
        sha256=content_sha256,
        headings={**HEADINGS, **SIGNED_HEADINGS},
        state=STATES[report.state],
        meaning=MEANINGS[report.signature.meaning],
        footer=signature_line(report),
        findings=[(f, ai_told(f), decision_told(f.decision)) for f in report.findings],
        cited=list(enumerate(report.citations, start=1)),
    )


def signature_line(report: SignedReport) -> Worded:
    """Printed name, time and meaning, as they stand on every page."""
    signed, meaning = report.signature, MEANINGS[report.signature.meaning]
    return Worded(
        en=f"{meaning.en} by {signed.printed_name} ({signed.account}), {signed.signed_utc}",
        zh=f"{meaning.zh}：{signed.printed_name}（{signed.account}），{signed.signed_utc}",
    )


def ai_told(finding: SignedFinding) -> str:
    """What the AI found, in its own digits."""
    if finding.ai_value is None:
        return "-"
    if finding.ai_unit == SHARE:
        return f"{100 * finding.ai_value:.4g} %"
    return f"{finding.ai_value:.4g} {finding.ai_unit}"


def decision_told(decision: Decision) -> Worded:
    """What the physician decided, with her value and reason."""
    word = DECISIONS[decision.kind]
    own = "" if decision.own is None else f" {decision.own.value:g} {decision.own.unit}"
    why_en = f" ({decision.reason})" if decision.reason else ""
    why_zh = f"（{decision.reason}）" if decision.reason else ""
    return Worded(en=f"{word.en}{own}{why_en}", zh=f"{word.zh}{own}{why_zh}")


@cache
def _template() -> jinja2.Template:
    place = jinja2.PackageLoader("pathology.reports", "pages")
    house = jinja2.Environment(
        loader=place, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return house.get_template("signed.html.jinja")
