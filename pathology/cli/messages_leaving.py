"""Sentences about what leaves the house and what comes back, English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

LEAVING: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "deidentified": (
            "done    {slide}  {levels} levels, {tiles:,} tiles as they were; left out: {left}. "
            "Look at the copy before it leaves: words in the picture itself stay.",
            "完成    {slide}  {levels} 层,{tiles:,} 个图块保持原样;未复制:{left}。"
            "发出前请查看副本:图像本身中的文字不会被删除。",
        ),
        "bundle-made": (
            "{bundle} can be opened by {recipient} alone. Compare that fingerprint with them.",
            "{bundle} 只能由 {recipient} 打开。请与对方核对该指纹。",
        ),
        "bundle-partner": (
            "{name} may be asked for opinions; its fingerprint is {fingerprint}. Compare it with "
            "them over the telephone.",
            "已登记 {name},可向其请求会诊;指纹:{fingerprint}。请通过电话与对方核对。",
        ),
        "bundle-on-case": (
            "It is on the case {case}, as an opinion: it is no signature on the report.",
            "已记入病例 {case},作为会诊意见:不构成报告签名。",
        ),
        "bundle-opened": (
            "{bundle} is whole and signed by {sender}; {results} results. Question: {question}",
            "{bundle} 完整,由 {sender} 签名;{results} 份结果。问题:{question}",
        ),
        "bundle-answered": (
            "An opinion on {bundle} was sealed for the site that asked. It signs no report.",
            "对 {bundle} 的意见已加密给提问方。该意见不构成报告签名。",
        ),
        "bundle-opinion": (
            "OPINION (no signature) on {bundle} by {by}, site {site}:\n{text}",
            "会诊意见(非签名),{bundle},{by},机构 {site}:\n{text}",
        ),
        "backed-up": (
            "The backup stands and was read back: {files} files, {rows:,} rows, {lines:,} lines of "
            "the chain, head {head}. Keep the keys in another place.",
            "备份完成并已回读:{files} 个文件,{rows:,} 行数据,审计链 {lines:,} 行,"
            "校验码 {head}。密钥请另行保存。",
        ),
        "restored": (
            "Restored and verified: {files} files, {rows:,} rows, {lines:,} lines, head {head}",
            "已恢复并核验:{files} 个文件,{rows:,} 行数据,审计链 {lines:,} 行,校验码 {head}",
        ),
        "restore-keys-both": (
            "--keys-with needs --from, the public key of the site that made the backup",
            "--keys-with 需要同时给出 --from(备份方的公钥)",
        ),
        "outbox-line": (
            "{number}  {state}  {format} -> {destination}  {case} v{version}  "
            "tries {tries}  {told}",
            "{number}  {state}  {format} -> {destination}  {case} v{version}  "
            "已试 {tries} 次  {told}",
        ),
        "outbox-waiting": ("waiting", "待发送"),
        "outbox-sent": ("sent", "已送达"),
        "outbox-dead": ("DEAD", "已停止"),
        "outbox-empty": ("Nothing is in the outbox.", "发件箱为空。"),
        "outbox-again": (
            "{number} deliveries wait again; pathology review outbox send takes them out.",
            "{number} 项重新等待发送;请运行 pathology review outbox send。",
        ),
        "outbox-why": (
            "--why is needed: the reason stays in the chain",
            "需要 --why:理由将保留在审计链中",
        ),
    }
)
