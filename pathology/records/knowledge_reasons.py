"""Why the knowledge base did not take or give something, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pathology.records.reasons import Reason, Wording

KNOWLEDGE_REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        "identity-left": Reason(
            en=Wording(
                "after removal of identities something still looks like one ({kinds}, {places})",
                "Take it out of the file and add it again; nothing was kept.",
            ),
            zh=Wording(
                "去标识后仍有疑似身份信息({kinds},{places})",
                "请从文件中删除后重新添加;未保存任何内容。",
            ),
        ),
        "unknown-field": Reason(
            en=Wording(
                "the cases have fields that are not known: {fields}",
                "Take them out; a case may have: {known}.",
            ),
            zh=Wording("病例含有未知字段:{fields}", "请删除;病例可有字段:{known}。"),
        ),
        "wrong-value": Reason(
            en=Wording("{field} of {place} is not possible: {detail}", "Mend it and add again."),
            zh=Wording("{place} 的 {field} 无效:{detail}", "请修正后重新添加。"),
        ),
        "cannot-read": Reason(
            en=Wording("the file cannot be read ({detail})", "Save it again as UTF-8 text."),
            zh=Wording("文件无法读取({detail})", "请以 UTF-8 文本重新保存。"),
        ),
        "too-large": Reason(
            en=Wording("it is larger than {most}", "Split it."),
            zh=Wording("超过 {most} 的上限", "请拆分。"),
        ),
        "no-text": Reason(
            en=Wording(
                "no text was found in it", "A scanned PDF needs its text layer (OCR) first."
            ),
            zh=Wording("其中没有文字", "扫描的 PDF 需先进行文字识别(OCR)。"),
        ),
        "known-already": Reason(
            en=Wording(
                "this version was added before, with other content or terms",
                "Give the new text another --version.",
            ),
            zh=Wording("该版本此前已添加,但内容或说明不同", "请为新文本指定其他 --version。"),
        ),
        "not-known": Reason(
            en=Wording("there is no such entry", "`pathology knowledge approve` lists them."),
            zh=Wording("没有该条目", "运行 pathology knowledge approve 可列出全部条目。"),
        ),
        "same-person": Reason(
            en=Wording(
                "who added something cannot approve it",
                "Let a second person look at it, signed in with an account of their own.",
            ),
            zh=Wording("添加者不能批准自己的内容", "请由另一人以其本人账户登录后审核。"),
        ),
        "not-your-name": Reason(
            en=Wording(
                "you act as {account}, by the account of this system user",
                "Sign in to the system as yourself; --by is checked and may be left out.",
            ),
            zh=Wording(
                "按当前系统用户的账户,操作人为 {account}",
                "请以本人系统账户登录;--by 仅作核对,可省略。",
            ),
        ),
        "not-a-person": Reason(
            en=Wording("only a person may approve", "Let a curator do it."),
            zh=Wording("只有人员可以批准", "请由知识库管理员批准。"),
        ),
        "flags-unseen": Reason(
            en=Wording(
                "the scanner found {number} passages that read like orders to a machine",
                "Read them, and approve with --flags-seen if they belong to the text.",
            ),
            zh=Wording(
                "扫描发现 {number} 处疑似对机器的指令",
                "请阅读,确属原文时加 --flags-seen 批准。",
            ),
        ),
        "changed": Reason(
            en=Wording(
                "it is not what was shown for approval (digest {digest})",
                "Look at it again and give the digest that is shown.",
            ),
            zh=Wording("与送审内容不一致(摘要 {digest})", "请重新查看并填写所示摘要。"),
        ),
        "not-approved": Reason(
            en=Wording("it is not approved", "Let a second person approve it."),
            zh=Wording("尚未批准", "请由第二人批准。"),
        ),
        "ended": Reason(
            en=Wording("it was withdrawn or superseded", "Add it again as another version."),
            zh=Wording("已撤回或已被取代", "请以其他版本重新添加。"),
        ),
        "no-such-span": Reason(
            en=Wording(
                "the quoted words do not stand in this version, or are cut out of a number",
                "Quote it letter for letter, and numbers whole.",
            ),
            zh=Wording("引文不在该版本中,或截断了数字", "请逐字引用,数字须完整。"),
        ),
        "span-too-short": Reason(
            en=Wording(
                "a quotation needs at least {least} characters", "Quote the whole sentence."
            ),
            zh=Wording("引文至少需要 {least} 个字符", "请引用整句。"),
        ),
        "store-broken": Reason(
            en=Wording(
                "the knowledge base cannot be used ({detail})",
                "Check the disk and the folder, or restore the backup.",
            ),
            zh=Wording("知识库无法使用({detail})", "请检查磁盘和文件夹,或恢复备份。"),
        ),
        "no-store": Reason(
            en=Wording(
                "there is no knowledge base yet",
                "Set folder in [store] of knowledge.toml, then `pathology knowledge add`.",
            ),
            zh=Wording(
                "尚无知识库",
                "请在 knowledge.toml 的 [store] 中设置 folder,然后运行 pathology knowledge add。",
            ),
        ),
        "superseded": Reason(
            en=Wording("a later version is in force", "Quote version {version}."),
            zh=Wording("已有更新版本生效", "请引用版本 {version}。"),
        ),
        "store-version": Reason(
            en=Wording(
                "the knowledge base is of version {found}, this program of {wanted}",
                "Use the program that made it, or add the documents anew.",
            ),
            zh=Wording(
                "知识库版本为 {found},本程序为 {wanted}",
                "请使用创建它的程序,或重新添加文件。",
            ),
        ),
        "no-embedder": Reason(
            en=Wording(
                "there are no vectors to search with ({detail})",
                "Install pathology[embeddings], or name an endpoint in knowledge.toml.",
            ),
            zh=Wording(
                "无法进行向量检索({detail})",
                "请安装 pathology[embeddings],或在 knowledge.toml 中指定端点。",
            ),
        ),
    }
)
