"""Settings of servers: what is impossible is refused when they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from pathology.config import shipped_configs
from pathology.errors import ConfigError
from pathology.pipeline.settings import load_settings

ENDPOINT = """
[endpoints.house]
source = "tests: vLLM on the server of the laboratory"
url = "https://llm.house:8443/v1"
model = "chat"
ca_file = "/etc/house.pem"
key_file = "/etc/llm.key"
price = { source = "tests", currency = "CNY", prompt = 2.0, answer = 8.0 }
"""


def written(folder: Path, *changes: tuple[str, str], endpoint: str = ENDPOINT) -> Path:
    text = (shipped_configs() / "llm.toml").read_text(encoding="utf-8")
    text = text.replace("\n[endpoints]\n", endpoint)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "llm.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_site_names_its_server(tmp_path: Path) -> None:
    llm = load_settings(written(tmp_path, ('chosen = "template"', 'chosen = "house"'))).llm
    way = llm.destination("house")
    assert (way.name, way.endpoint.model) == ("house", "chat")
    assert way.limits == llm.limits
    assert way.endpoint.price is not None
    assert way.endpoint.price.answer == 8.0


def test_the_shipped_settings_ask_nobody() -> None:
    llm = load_settings().llm
    assert not llm.endpoints
    assert not llm.intranet.named_hosts
    assert llm.writer.chosen == "template"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("https://llm.house:8443/v1", "ftp://llm.house/v1", "url must be"),
        ("https://llm.house:8443/v1", "https:///v1", "url must be"),
        ("https://llm.house:8443/v1", "https://a:b@llm.house/v1", "no password"),
        ("https://llm.house:8443/v1", "https://llm.house/v1?key=x", "no query"),
        ('"/etc/house.pem"', '"house.pem"', "absolute"),
        ('key_file = "/etc/llm.key"', 'key_file = "/k"\nkey_variable = "K"', "not both"),
        ('chosen = "template"', 'chosen = "hause"', "there are"),
        ("[endpoints.house]", "[endpoints.template]", "other names"),
        ("tries = 3", "tries = 0", "positive"),
        ("total_s = 180.0", "total_s = 30.0", "below"),
        ("seed = 7", "seeed = 7", "unknown keys"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_settings(written(tmp_path, (old, new)))
