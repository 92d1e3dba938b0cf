"""Why a server of the house could not be asked, or its answer not be used, in both languages.

As ``records.reasons``: codes are stable, and programs count by them. Facts hold no text of a
request or an answer: it may be about a patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pathology.records.reasons import Reason, Wording

INTRANET_REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        "away": Reason(
            en=Wording("it cannot be reached ({detail})", "Is it running, and is the url right?"),
            zh=Wording("无法连接({detail})", "请确认服务已启动且 url 正确。"),
        ),
        "slow": Reason(
            en=Wording(
                "it did not answer within {seconds:g} s ({stage})",
                "Look at the server's load, or raise the time in llm.toml.",
            ),
            zh=Wording(
                "{seconds:g} 秒内没有应答({stage_zh})",
                "请检查服务器负载,或在 llm.toml 中延长时间。",
            ),
        ),
        "not-json": Reason(
            en=Wording("it answered with {kind}, not JSON", "Does the url end in /v1?"),
            zh=Wording("应答是 {kind_zh},而不是 JSON", "请确认 url 以 /v1 结尾。"),
        ),
        "wrong-answer": Reason(
            en=Wording(
                "its answer lacks what the protocol promises ({detail})",
                "It must speak the OpenAI-compatible API; look at its version.",
            ),
            zh=Wording("应答缺少协议规定的内容({detail})", "服务须兼容 OpenAI API;请检查其版本。"),
        ),
        "too-large": Reason(
            en=Wording(
                "its answer is larger than {most_bytes} bytes and was not read on",
                "Look at what answers there; the limit is answer_bytes in llm.toml.",
            ),
            zh=Wording(
                "应答超过 {most_bytes} 字节,已停止读取",
                "请检查应答的服务;上限为 llm.toml 中的 answer_bytes。",
            ),
        ),
        "redirected": Reason(
            en=Wording(
                "it answered with a redirect ({status}), which is never followed",
                "Write the final address as url in llm.toml.",
            ),
            zh=Wording("应答为重定向({status}),不会跟随", "请在 llm.toml 的 url 中填写最终地址。"),
        ),
        "refused-address": Reason(
            en=Wording(
                "its name leads to {kind}, where nothing may be sent",
                "Check the name server. Only if this is meant: name the host in named_hosts of "
                "llm.toml.",
            ),
            zh=Wording(
                "其名称指向{kind_zh},不允许发送",
                "请检查域名服务器。确属有意时,请在 llm.toml 的 named_hosts 中写明主机名。",
            ),
        ),
        "plain-text": Reason(
            en=Wording(
                "it is on another machine and its url is not https",
                "Put TLS before it, and write https:// in llm.toml.",
            ),
            zh=Wording("位于其他机器且 url 不是 https", "请启用 TLS,并在 llm.toml 中写 https://。"),
        ),
        "wrong-certificate": Reason(
            en=Wording(
                "its certificate is not trusted ({detail})",
                "Give the authority of the house as ca_file in llm.toml; look at name and date.",
            ),
            zh=Wording(
                "其证书不受信任({detail})",
                "请在 llm.toml 的 ca_file 中填写本单位的 CA,并检查名称和日期。",
            ),
        ),
        "cut-off": Reason(
            en=Wording("its answer broke off", "Look at the server's log: did it end or restart?"),
            zh=Wording("应答中断", "请查看服务器日志:是否退出或重启?"),
        ),
        "http-status": Reason(
            en=Wording("it answered with status {status}", "{remedy}"),
            zh=Wording("应答状态为 {status}", "{remedy_zh}"),
        ),
        "cancelled": Reason(
            en=Wording("it was not waited for: somebody cancelled", "Ask again when wanted."),
            zh=Wording("已取消,不再等待", "需要时请再次请求。"),
        ),
        "key-missing": Reason(
            en=Wording(
                "its key cannot be read ({detail})",
                "Mend key_file or key_variable in llm.toml; a key's file is its owner's only.",
            ),
            zh=Wording(
                "无法读取密钥({detail})",
                "请修正 llm.toml 的 key_file 或 key_variable;密钥文件只能由其所有者读取。",
            ),
        ),
        "model-missing": Reason(
            en=Wording("there is no embedded model here ({detail})", "{remedy}"),
            zh=Wording("本机没有内置模型({detail})", "{remedy_zh}"),
        ),
        "answer-cut": Reason(
            en=Wording(
                "the model's answer reached the limit of {tokens} tokens",
                "Raise answer_tokens in llm.toml, or use a better model.",
            ),
            zh=Wording(
                "模型的回答达到 {tokens} 个 token 的上限",
                "请提高 llm.toml 的 answer_tokens,或使用更好的模型。",
            ),
        ),
        "answer-not-json": Reason(
            en=Wording("the model did not answer in JSON", "Use a better model."),
            zh=Wording("模型没有以 JSON 回答", "请使用更好的模型。"),
        ),
        "answer-off-schema": Reason(
            en=Wording(
                "the model's JSON has not the form asked for ({detail})", "Use a better model."
            ),
            zh=Wording("模型返回的 JSON 不符合要求的格式({detail})", "请使用更好的模型。"),
        ),
    }
)
