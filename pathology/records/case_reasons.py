"""Why the desk refuses a change or a signature, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pathology.records.reasons import Reason, Wording


def _reason(en: tuple[str, str], zh: tuple[str, str]) -> Reason:
    return Reason(en=Wording(*en), zh=Wording(*zh))


CASE_REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        "no-such-case": _reason(
            ("there is no such case on the desk", "Look at the worklist."),
            ("工作列表中没有该病例", "请查看工作列表。"),
        ),
        "purged": _reason(
            (
                "the case was purged at the end of its retention; its contents cannot be read",
                "Nothing can be done; the audit chain tells who purged it and when.",
            ),
            ("该病例已按保留期限清除,内容不可读取", "无法恢复;审计链记录了清除的人员和时间。"),
        ),
        "changed": _reason(
            (
                "{who} changed the case at {when} UTC, after you opened it",
                "Look at it as it stands now, then do it again.",
            ),
            ("您打开之后,{who} 于 {when} UTC 修改了该病例", "请查看最新内容后重新操作。"),
        ),
        "other-request": _reason(
            ("this request id was used for another change", "Send the request with a fresh id."),
            ("该请求编号已用于另一项修改", "请使用新的请求编号。"),
        ),
        "wrong-state": _reason(
            (
                "the report is {state}: {event} is not possible",
                "Look at the case: a signed report is changed by an amendment alone.",
            ),
            ("报告状态为「{state}」,不能{event}", "请查看病例:已签发的报告只能以修订方式更改。"),
        ),
        "not-yours": _reason(
            ("the case is not yours; it is with {who}", "Claim it, or ask to be assigned."),
            ("该病例不由您负责;当前:{who}", "请认领,或请求分配。"),
        ),
        "taken": _reason(
            ("{who} works on the case", "Ask for it, or let it be assigned to you."),
            ("{who} 正在处理该病例", "请与其协商,或请求分配给您。"),
        ),
        "no-pathologist": _reason(
            ("{who} is no pathologist with an open account", "Name another person."),
            ("{who} 不是账户有效的病理医师", "请指定其他人员。"),
        ),
        "second-is-first": _reason(
            ("the second reader is another person than the first", "Name another person."),
            ("第二阅片者不能与第一阅片者相同", "请指定其他人员。"),
        ),
        "not-second": _reason(
            ("you are not the second reader of this case", "The assignee can ask you to be."),
            ("您不是该病例的第二阅片者", "可由负责医师邀请您。"),
        ),
        "no-such-finding": _reason(
            ("the case has no such finding or result in force", "Look at the case as it stands."),
            ("病例中没有该项现行结果", "请查看病例最新内容。"),
        ),
        "wrong-unit": _reason(
            ("this finding is told in {needed}, not in {given}", "Give the value in {needed}."),
            ("该结果以 {needed} 表示,而非 {given}", "请以 {needed} 给出数值。"),
        ),
        "read-first": _reason(
            (
                "you have not told your own reading of {finding} yet",
                "Read the slide and tell it; the AI's value is shown then.",
            ),
            ("您尚未记录对 {finding} 的独立判读", "请先阅片并记录,随后显示 AI 数值。"),
        ),
        "no-such-overlay": _reason(
            ("the result has no overlay of this name", "Open those that it has."),
            ("该结果没有此叠加层", "请打开现有的叠加层。"),
        ),
        "wrong-superseded": _reason(
            ("the new result does not supersede one of this case", "Correct the result in force."),
            ("新结果没有替代本病例的现行结果", "请在现行结果上修正。"),
        ),
        "why-missing": _reason(
            ("a reason is missing", "Say why; it is kept."),
            ("缺少理由", "请说明理由;理由将被保存。"),
        ),
        "undecided": _reason(
            (
                "{count} findings have no decision yet ({findings})",
                "Accept, reject or override each.",
            ),
            ("尚有 {count} 项结果未作决定({findings})", "请逐项接受、拒绝或改写。"),
        ),
        "unseen": _reason(
            (
                "{count} overlays were not opened by you ({overlays})",
                "Open each on the slide.",
            ),
            ("您尚有 {count} 个叠加层未打开({overlays})", "请在切片上逐一打开。"),
        ),
        "region-unconfirmed": _reason(
            (
                "the tumour region of {result} is automatic and nobody confirmed it",
                "Confirm it, correct it, or reject the findings that rest on it.",
            ),
            ("{result} 的肿瘤区域为自动识别,尚未经人确认", "请确认、修正,或拒绝相关结果。"),
        ),
        "second-missing": _reason(
            (
                "a second reader is required ({why}) and has not agreed to the decisions as they "
                "stand",
                "Ask a second reader; a decision changed later is read again.",
            ),
            (
                "需要第二阅片者({why}),且其尚未同意当前决定",
                "请邀请第二阅片者;之后更改的决定须重新复核。",
            ),
        ),
        "no-text": _reason(
            ("the report has no text", "Let a draft be made, or write it."),
            ("报告没有正文", "请生成草稿或自行书写。"),
        ),
        "text-of-other-results": _reason(
            (
                "the text was written from other results than those in force",
                "Let the draft be made anew, or write it anew.",
            ),
            ("正文依据的不是现行结果", "请重新生成草稿或重新书写。"),
        ),
        "text-tells-rejected": _reason(
            (
                "the text tells the AI's value of findings that were rejected or overridden "
                "({findings})",
                "Change the text, or the decision.",
            ),
            ("正文仍写有已被拒绝或改写的 AI 数值({findings})", "请修改正文或决定。"),
        ),
        "text-tells-other": _reason(
            (
                "the text tells a physician's value of {findings} that is not the decision as it "
                "stands",
                "Let the text be drafted again from the decisions, or change it.",
            ),
            ("正文中 {findings} 的医师数值与当前决定不符", "请按决定重新生成正文,或修改正文。"),
        ),
        "all-rejected": _reason(
            ("every finding was rejected", "Reject the report instead of signing it."),
            ("所有结果均被拒绝", "请拒绝报告,而不是签发。"),
        ),
        "model-withdrawn": _reason(
            (
                "{model} was taken out of use ({why}), and {result} rests on it",
                "Let the slide be analysed again by another model, or reject the report.",
            ),
            (
                "{model} 已停用({why}),而 {result} 依据该模型",
                "请用其他模型重新分析切片,或拒绝报告。",
            ),
        ),
        "research-weights": _reason(
            (
                "{model}: weights for research only, which this site has not accepted",
                "The person responsible sets accept_research_weights in [models] of site.toml, or "
                "the slide is analysed by other weights.",
            ),
            (
                "{model}:权重仅限研究使用,本单位尚未接受",
                "由负责人在 site.toml 的 [models] 中设置 accept_research_weights,或改用其他权重"
                "重新分析。",
            ),
        ),
        "scale-assumed": _reason(
            (
                "the scale of {slide} is assumed: nobody states it",
                "State the scale and analyse the slide again.",
            ),
            ("{slide} 的比例尺为假定值,无人给出", "请给出比例尺后重新分析。"),
        ),
        "slide-gone": _reason(
            (
                "the slide {slide} is not at hand, so that it cannot be bound to the report",
                "Bring the slide's file back to its place, then sign.",
            ),
            ("切片 {slide} 不在,无法与报告绑定", "请将切片文件恢复到原位置后再签发。"),
        ),
        "slide-other": _reason(
            (
                "the file of slide {slide} is not the one that was analysed",
                "Bring back the right file, or analyse this one and review it anew.",
            ),
            ("切片 {slide} 的文件不是所分析的文件", "请恢复正确文件,或分析该文件后重新审阅。"),
        ),
        "result-changed": _reason(
            (
                "the result {result} is gone or was changed since it was put on the desk",
                "Restore it from the backup, or analyse the slide again.",
            ),
            ("结果 {result} 已缺失或被修改", "请从备份恢复,或重新分析切片。"),
        ),
        "proof-wrong": _reason(
            ("the proof of who you are is of another account", "Sign in as yourself and sign."),
            ("身份验证属于另一账户", "请以本人身份登录后签发。"),
        ),
        "proof-old": _reason(
            (
                "you proved who you are more than {seconds} s ago",
                "Prove it again, then sign at once.",
            ),
            ("身份验证已超过 {seconds} 秒", "请重新验证后立即签发。"),
        ),
        "proof-used": _reason(
            (
                "this proof signed another report; each signature needs its own",
                "Prove who you are again.",
            ),
            ("该身份验证已用于签发另一份报告;每次签发须单独验证", "请重新验证身份。"),
        ),
        "printed-name-missing": _reason(
            ("the printed name is missing", "Give your name as it is to stand on the report."),
            ("缺少签名者姓名", "请填写报告上显示的姓名。"),
        ),
        "legal-hold": _reason(
            ("the case is under legal hold", "Whoever set the hold lifts it, with a reason."),
            ("该病例处于法律保全状态", "须由有权人员说明理由后解除。"),
        ),
        "not-due": _reason(
            ("the case may be purged from {when} on", "Wait until then."),
            ("该病例最早可于 {when} 清除", "请等待至该日期。"),
        ),
        "purge-needs-two": _reason(
            (
                "a purge is asked for by one person and carried out by another",
                "Let another person with the right carry it out.",
            ),
            ("清除须由一人申请、另一人执行", "请由另一名有权人员执行。"),
        ),
        "purge-not-asked": _reason(
            ("nobody has asked for this purge", "Ask for it first; another person carries it out."),
            ("尚无人申请清除", "请先申请,再由另一人执行。"),
        ),
        "opinion-not-asked": _reason(
            (
                "no such bundle of this case was sent to the hospital that answers",
                "Look which case the answer is about, and whom it was asked of.",
            ),
            ("未曾就该病例向该机构发送此会诊包", "请核对该意见对应的病例和机构。"),
        ),
        "opinion-repeated": _reason(
            ("this opinion is on the case already", "Nothing is to be done."),
            ("该会诊意见已在病例中", "无需操作。"),
        ),
        "opinion-no-pseudonym": _reason(
            (
                "a result goes by its file's name, which may be a patient's",
                "Analyse the slide anew with [privacy] pseudonyms; then send it.",
            ),
            (
                "有结果以文件名标识,文件名可能包含患者姓名",
                "请启用 [privacy] pseudonyms 重新分析后再发送。",
            ),
        ),
        "opinion-region": _reason(
            (
                "a region lies beside the slide, or none of that kind was drawn",
                "Give rectangles on the slide, or a kind of region that the result has.",
            ),
            ("所选区域不在切片上,或没有该类区域", "请给出切片内的矩形,或结果中已有的区域类别。"),
        ),
        "opinion-names": _reason(
            ("the question or the draft seems to name somebody", "Take the name out, then send."),
            ("问题或草稿中似乎包含姓名等身份信息", "请删除后再发送。"),
        ),
    }
)
