"""Why an order, a row of a manifest or a watched file was not taken, English and Chinese.

Codes are stable: programs count by them. No identity and no file name belongs in a fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pathology.records.reasons import Reason, Wording


def _reason(en: str, en_remedy: str, zh: str, zh_remedy: str) -> Reason:
    return Reason(en=Wording(en, en_remedy), zh=Wording(zh, zh_remedy))


INTAKE_REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        # files
        "cannot-read": _reason(
            "the file cannot be read ({detail})",
            "Check the right to read it, and the disk.",
            "文件无法读取({detail})",
            "请检查读取权限和磁盘。",
        ),
        "not-text": _reason(
            "this is no text in a known encoding",
            "Save it as UTF-8 or GB 18030.",
            "不是已知编码的文本",
            "请保存为 UTF-8 或 GB 18030。",
        ),
        "not-csv": _reason(
            "this is no CSV ({detail})", "Save it as CSV UTF-8.", "不是 CSV({detail})",
            "请另存为 CSV UTF-8。",
        ),
        "empty": _reason(
            "it is empty", "Its first row must name the columns.", "文件为空",
            "第一行必须为列名。",
        ),
        "columns-unknown": _reason(
            "it has {number} unknown columns",
            "Known are: {known}.",
            "有 {number} 个未知列",
            "可用的列:{known}。",
        ),
        "columns-missing": _reason(
            "it lacks the columns {columns}", "Add them.", "缺少列 {columns}", "请补上。"
        ),
        "columns-twice": _reason(
            "a column is named twice", "Remove one.", "列名重复", "请删除其一。"
        ),
        "too-large": _reason(
            "it is larger than {mib:g} MiB",
            "Send orders one by one, or raise largest_mib in nightly.toml.",
            "文件大于 {mib:g} MiB",
            "请分开发送,或在 nightly.toml 中调高 largest_mib。",
        ),
        "too-many": _reason(
            "it holds more than {most} orders",
            "Send fewer in one file, or raise most_orders in nightly.toml.",
            "医嘱超过 {most} 条",
            "请减少单个文件的数量,或在 nightly.toml 中调高 most_orders。",
        ),
        "not-a-file": _reason(
            "it is a link or no regular file",
            "Drop the file itself.",
            "是链接或非普通文件",
            "请放入文件本身。",
        ),
        "not-a-message": _reason(
            "it is neither HL7 v2 nor FHIR JSON ({detail})",
            "Drop ORM^O01, OML^O21 or OML^O33 messages, or ServiceRequests in JSON.",
            "既不是 HL7 v2 也不是 FHIR JSON({detail})",
            "请放入 ORM^O01、OML^O21、OML^O33 消息,或 JSON 格式的 ServiceRequest。",
        ),
        "encoding-unknown": _reason(
            "it states an encoding that is not known ({detail})",
            "Send UNICODE UTF-8 or GB 18030-2000 in MSH-18.",
            "声明的编码未知({detail})",
            "请在 MSH-18 中使用 UNICODE UTF-8 或 GB 18030-2000。",
        ),
        "encoding-wrong": _reason(
            "its bytes are not in the encoding it states",
            "Mend MSH-18, or incoming.hl7.encoding_unsaid of nightly.toml.",
            "内容与声明的编码不符",
            "请更正 MSH-18,或 nightly.toml 中的 incoming.hl7.encoding_unsaid。",
        ),
        "cannot-move": _reason(
            "a message could not be moved to {detail}",
            "Give the night the right to write in the folder; it is tried again.",
            "消息无法移动到 {detail}",
            "请授予该文件夹的写权限;系统会重试。",
        ),
        # rows of a manifest
        "row-cells": _reason(
            "it has more cells than there are columns",
            "Check separators and quotes.",
            "单元格多于列数",
            "请检查分隔符和引号。",
        ),
        "row-lacks": _reason(
            "it lacks {columns}", "Fill it in.", "缺少 {columns}", "请填写。"
        ),
        "row-value": _reason(
            "{column}: the value means nothing",
            "Allowed is {allowed}.",
            "{column}:值无效",
            "允许:{allowed}。",
        ),
        "row-repeated": _reason(
            "it says the same as row {first}", "Remove one.", "与第 {first} 行相同",
            "请删除其一。",
        ),
        "row-contradicts": _reason(
            "it asks for the same analysis of the same slide as row {first}, otherwise",
            "Keep the row that is right.",
            "与第 {first} 行为同一切片的同一分析,但内容不同",
            "请保留正确的一行。",
        ),
        "row-absent": _reason(
            "its slide is not there (yet)", "Scan it, or check the path.", "切片(尚)不存在",
            "请扫描,或检查路径。",
        ),
        # orders
        "order-type": _reason(
            "it is no order that is understood ({detail})",
            "Send ORM^O01, OML^O21, OML^O33 or a ServiceRequest.",
            "不是可识别的医嘱({detail})",
            "请发送 ORM^O01、OML^O21、OML^O33 或 ServiceRequest。",
        ),
        "order-control": _reason(
            "its order control {detail} is not understood",
            "Send NW for new, CA or DC to cancel; carry out other changes by hand.",
            "医嘱控制码 {detail} 无法识别",
            "新医嘱用 NW,取消用 CA 或 DC;其他更改请人工处理。",
        ),
        "order-test": _reason(
            "it says of itself that it is a test ({detail})",
            "Send P in MSH-11, or set test_messages in nightly.toml.",
            "消息自称为测试({detail})",
            "请在 MSH-11 中使用 P,或设置 nightly.toml 的 test_messages。",
        ),
        "order-lacks": _reason(
            "it lacks {detail}", "The LIS must send it.", "缺少 {detail}", "须由 LIS 发送。"
        ),
        "order-contradicts": _reason(
            "it contradicts itself in {detail}",
            "A person must ask the LIS which is right.",
            "{detail} 自相矛盾",
            "须由人工向 LIS 核实。",
        ),
        "order-time": _reason(
            "{detail} is no time", "Send it as the standard says.", "{detail} 不是有效时间",
            "请按标准发送。",
        ),
        "order-escape": _reason(
            "it has an escape sequence that is not understood ({detail})",
            "Send plain characters.",
            "含无法识别的转义({detail})",
            "请发送普通字符。",
        ),
        "order-shape": _reason(
            "it is not built as the standard says ({detail})",
            "The LIS must mend it.",
            "结构不符合标准({detail})",
            "须由 LIS 更正。",
        ),
        # watched folders
        "link-leads-out": _reason(
            "it is a link that leads out of the folder",
            "Put the slide itself there, or watch the other folder.",
            "是指向文件夹之外的链接",
            "请放入切片本身,或监视另一文件夹。",
        ),
        "share-gone": _reason(
            "the folder cannot be reached ({detail}); what comes from elsewhere goes on",
            "Check the network share. It is looked at again by itself.",
            "文件夹无法访问({detail});其他来源照常进行",
            "请检查网络共享。系统会自动再次查看。",
        ),
        "share-empty": _reason(
            "the folder held slides and is empty now: is the share mounted?",
            "Mount it again. It is looked at again by itself.",
            "文件夹原有切片而现在为空:共享是否已挂载?",
            "请重新挂载。系统会自动再次查看。",
        ),
        "no-rule": _reason(
            "no order and no rule says what to do with the slide",
            "Order an analysis, or add a rule under [incoming] folders of nightly.toml.",
            "没有医嘱或规则说明该切片要做什么",
            "请下医嘱,或在 nightly.toml 的 [incoming] folders 中添加规则。",
        ),
        "no-slide": _reason(
            "no slide has come for the order yet",
            "Scan it; the order waits.",
            "该医嘱的切片尚未到达",
            "请扫描;医嘱会等待。",
        ),
    }
)  # fmt: skip
