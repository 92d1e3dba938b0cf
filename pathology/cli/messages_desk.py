"""Sentences about the review page and its accounts, English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

DESK: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "demo-serve": (
            "With --serve the review page opens on it.",
            "加上 --serve 可在阅片页面中查看。",
        ),
        "desk-at": (
            "The review page is at {url} (Ctrl-C ends it)",
            "阅片页面地址:{url}(按 Ctrl-C 结束)",
        ),
        "first-key": (
            "Nobody could sign in as administrator. Account: {account}   one-time password: "
            "{password}\nIt is shown this once, and must be changed at the first sign-in.",
            "尚无可登录的管理员。账号:{account}   一次性密码:{password}\n"
            "此密码仅显示一次,首次登录时必须更改。",
        ),
        "one-time": (
            "Account: {account}   one-time password: {password}\nIt is shown this once, and must "
            "be changed at the first sign-in.",
            "账号:{account}   一次性密码:{password}\n此密码仅显示一次,首次登录时必须更改。",
        ),
        "service-added": (
            "Service account {account} made; it has no password.",
            "已创建服务账号 {account};服务账号没有密码。",
        ),
        "roles-set": (
            "{account} is now: {roles}. Open sessions have ended.",
            "{account} 的角色现为:{roles}。已打开的会话已结束。",
        ),
        "account-closed": (
            "{account} is closed; what it did stays under its name.",
            "{account} 已关闭;其操作记录保留在该账号名下。",
        ),
        "account-tied": (
            "{account} is tied: its person signs in by the single sign-on.",
            "{account} 已绑定单点登录,本人可用单点登录进入。",
        ),
        "account-untied": (
            "{account} is tied to nobody any more. Open sessions have ended.",
            "{account} 已解除单点登录绑定。已打开的会话已结束。",
        ),
        "tied": ("single sign-on", "单点登录"),
        "account-is-closed": ("closed", "已关闭"),
        "password-none": ("no password", "无密码"),
        "password-one-time": ("one-time password", "一次性密码"),
        "password-set": ("password set", "已设密码"),
        "migrated": (
            "The ledger's tables are up to date.",
            "档案数据库已更新到当前版本。",
        ),
    }
)
