"""Which addresses the house may be asked at. Pure but for ``resolve``.

A name is nothing to trust: whoever answers for it may answer otherwise the next time. So every
address it leads to is judged, and the connection goes to the judged address, not to the name.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Literal

Address = IPv4Address | IPv6Address
Resolver = Callable[[str], Sequence[str]]
"""Name -> numeric addresses; raises OSError where there are none."""

Kind = Literal[
    "loopback",
    "private",
    "link-local",
    "public",
    "shared",
    "multicast",
    "unspecified",
    "reserved",
    "embedded",
    "metadata",
]

HOUSE: Final = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
"""RFC 1918 and RFC 4193."""

METADATA: Final = frozenset(
    map(
        ip_address,
        ("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"),
    )
)
"""Where clouds hand credentials to whoever asks: AWS (three), Alibaba, Azure."""

EMBEDDING: Final = tuple(
    map(
        ip_network,
        ("::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"),
    )
)
"""IPv4 inside IPv6: mapped, compatible, NAT64 (RFC 6052, 8215), 6to4, Teredo. What they lead to is
decided elsewhere, so a name has no business answering with them."""

SHARED: Final = ip_network("100.64.0.0/10")  # RFC 6598, between providers and their customers
WORDS: Final = {
    "link-local": ("a link-local address", "链路本地地址"),
    "public": ("a public address", "公网地址"),
    "shared": ("an address shared with a provider", "运营商共享地址"),
    "multicast": ("a multicast address", "组播地址"),
    "unspecified": ("no address at all", "未指定地址"),
    "reserved": ("a reserved address", "保留地址"),
    "embedded": ("an IPv4 address inside an IPv6 one", "内嵌 IPv4 的 IPv6 地址"),
    "metadata": ("a cloud's metadata service", "云平台元数据服务"),
}
NAMEABLE: Final = frozenset({"link-local", "public", "shared"})
"""What a site may allow by naming the host. The others are no host's own address."""


def kind_of(address: Address) -> Kind:
    """What sort of address this is, the most dangerous sort first."""
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return kind_of(IPv6Address(int(address)))  # "fe80::1%eth0": the zone changes no sort
    if address in METADATA:
        return "metadata"
    if address.is_unspecified:
        return "unspecified"
    if address.is_loopback:
        return "loopback"
    if any(address in net for net in EMBEDDING if net.version == address.version):
        return "embedded"
    if address.is_multicast:
        return "multicast"
    if address.is_link_local or (isinstance(address, IPv6Address) and address.is_site_local):
        return "link-local"
    if any(address in net for net in HOUSE if net.version == address.version):
        return "private"
    if address.version == SHARED.version and address in SHARED:
        return "shared"
    return "public" if address.is_global else "reserved"


def refused_kind(address: Address, host: str, named_hosts: Sequence[str]) -> Kind | None:
    """The sort of ``address`` if nothing may be sent to it on behalf of ``host``, else None.

    A metadata service is allowed only where the site wrote that very address: a name that leads
    there was turned there by somebody.
    """
    kind = kind_of(address)
    named = host.lower().rstrip(".") in {name.lower().rstrip(".") for name in named_hosts}
    if kind in ("loopback", "private"):
        return None
    if kind in NAMEABLE and named:
        return None
    if kind == "metadata" and named and host == str(address):
        return None
    return kind


def resolve(host: str) -> list[str]:
    """The numeric addresses of ``host`` by the system's resolver, in its order, each once.

    Raises
    ------
    OSError
        There are none.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def resolve_within(resolver: Resolver, host: str, seconds: float) -> list[Address]:
    """What ``resolver`` answers, as addresses; the system's has no time limit of its own.

    Raises
    ------
    OSError
        There is no answer, or one that is no address.
    TimeoutError
        It took longer than ``seconds``; a thread is left behind, waiting.
    """
    answer: list[list[str] | OSError] = []

    def ask() -> None:
        try:
            answer.append(list(resolver(host)))
        except OSError as cause:
            answer.append(cause)

    asking = threading.Thread(target=ask, daemon=True, name="resolver")
    asking.start()
    asking.join(seconds)
    if not answer:
        raise TimeoutError
    if isinstance(answer[0], OSError):
        raise answer[0]
    try:
        addresses = [ip_address(text) for text in answer[0]]
    except ValueError as cause:
        raise OSError("the resolver's answer is no address") from cause
    if not addresses:
        raise OSError("the name has no address")
    return addresses
