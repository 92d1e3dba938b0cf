"""Which addresses may be asked: a table written by hand from the RFCs, and properties over all."""

from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathology.intranet.addresses import kind_of, refused_kind, resolve, resolve_within

KINDS = {
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "::1": "loopback",
    "10.0.0.1": "private",
    "10.255.255.255": "private",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.168.1.20": "private",
    "fd12:3456:789a::1": "private",
    "fc00::1": "private",
    "fd00::5%eth0": "private",
    "172.15.255.255": "public",
    "172.32.0.0": "public",
    "11.0.0.1": "public",
    "8.8.8.8": "public",
    "2606:4700::1111": "public",
    "169.254.1.1": "link-local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "fec0::1": "link-local",
    "169.254.169.254": "metadata",
    "169.254.170.2": "metadata",
    "100.100.100.200": "metadata",
    "168.63.129.16": "metadata",
    "fd00:ec2::254": "metadata",
    "fd00:ec2::254%eth0": "metadata",
    "100.64.0.1": "shared",
    "100.127.255.255": "shared",
    "224.0.0.1": "multicast",
    "ff02::1": "multicast",
    str(IPv4Address(0)): "unspecified",
    "::": "unspecified",
    "0.1.2.3": "reserved",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "198.18.0.1": "reserved",
    "192.0.2.1": "reserved",
    "2001:db8::1": "reserved",
    "::ffff:127.0.0.1": "embedded",
    "::ffff:10.0.0.1": "embedded",
    "::ffff:169.254.169.254": "embedded",
    "::10.0.0.1": "embedded",
    "64:ff9b::a00:1": "embedded",
    "64:ff9b:1::a00:1": "embedded",
    "2002:a00:1::": "embedded",
    "2001:0:a00:1::": "embedded",
}


@pytest.mark.parametrize(("address", "kind"), KINDS.items())
def test_the_sort_of_an_address(address: str, kind: str) -> None:
    assert kind_of(ip_address(address)) == kind


@pytest.mark.parametrize("address", [a for a, k in KINDS.items() if k in ("loopback", "private")])
def test_the_house_may_be_asked(address: str) -> None:
    assert refused_kind(ip_address(address), "llm.house", ()) is None


@pytest.mark.parametrize(
    "address", [a for a, k in KINDS.items() if k not in ("loopback", "private")]
)
def test_nothing_else_may_be_asked(address: str) -> None:
    assert refused_kind(ip_address(address), "llm.house", ()) == KINDS[address]


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("8.8.8.8", True),
        ("169.254.1.1", True),
        ("100.64.0.1", True),
        ("169.254.169.254", False),  # a name turned to the metadata service
        ("224.0.0.1", False),
        (str(IPv4Address(0)), False),
        ("::ffff:8.8.8.8", False),
        ("240.0.0.1", False),
    ],
)
def test_what_a_named_host_may_lead_to(address: str, *, allowed: bool) -> None:
    refused = refused_kind(ip_address(address), "LLM.example.", ("llm.EXAMPLE",))
    assert (refused is None) == allowed


def test_a_metadata_service_is_allowed_by_its_very_address_only() -> None:
    address = ip_address("169.254.169.254")
    assert refused_kind(address, "169.254.169.254", ("169.254.169.254",)) is None
    assert refused_kind(address, "llm.house", ("169.254.169.254",)) == "metadata"


@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_hidden_in_ipv6_is_never_allowed(number: int) -> None:
    hidden = [
        IPv6Address(0xFFFF << 32 | number),
        IPv6Address(int(IPv6Address("64:ff9b::")) | number),
        IPv6Address(0x2002 << 112 | number << 80),
    ]
    assert all(refused_kind(address, "h", ("h",)) for address in hidden)


@given(st.ip_addresses(v=4))
def test_python_calls_private_what_is_allowed(address: IPv4Address) -> None:
    if refused_kind(address, "h", ()) is None:
        assert address.is_private
        assert not address.is_link_local


def test_odd_spellings_of_an_address_are_read_as_the_system_reads_them() -> None:
    assert resolve("2130706433") == ["127.0.0.1"]
    assert kind_of(ip_address(resolve("0xa9fea9fe")[0])) == "metadata"


def test_a_resolver_that_does_not_answer_is_not_waited_for() -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        resolve_within(lambda host: time.sleep(2) or ["127.0.0.1"], "h", 0.1)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("answer", [[], ["not an address"], ["10.0.0.1", ""]])
def test_an_answer_that_is_no_address_is_none(answer: list[str]) -> None:
    with pytest.raises(OSError, match="address"):
        resolve_within(lambda host: answer, "h", 1)
