"""What a settings file may say about a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pathology.config import load_record
from pathology.errors import ConfigError


@dataclass(frozen=True)
class Sample:
    share: float = 0.5
    maybe: float | None = None
    radii: tuple[float, ...] = ()
    scanners: Mapping[str, float] = field(default_factory=dict)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999", "1" + "0" * 400])
@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("share = {}", "share"),
        ("maybe = {}", "maybe"),
        ("radii = [1.0, {}]", "radii"),
        ("scanners = {{ Maker = {} }}", "scanners"),
    ],
)
def test_what_is_no_finite_number_is_refused_by_its_key(
    tmp_path: Path, line: str, key: str, number: str
) -> None:
    file = tmp_path / "sample.toml"
    file.write_text(line.format(number), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"sample\.toml: {key}.* finite"):
        load_record(file, Sample)


def test_finite_numbers_of_any_sign_are_read(tmp_path: Path) -> None:
    file = tmp_path / "sample.toml"
    file.write_text("share = -1\nmaybe = 1e300\nradii = [0, 2.5]\n", encoding="utf-8")
    read = load_record(file, Sample)
    assert (read.share, read.maybe, read.radii) == (-1.0, 1e300, (0.0, 2.5))
