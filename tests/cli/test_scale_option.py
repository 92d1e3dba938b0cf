"""What ``--mpp`` takes, and what help shows."""

from __future__ import annotations

import pytest

from pathology.cli.main import main
from pathology.cli.scale_option import scale_mpp


@pytest.mark.parametrize(("text", "mpp"), [("0.25", 0.25), ("1", 1.0), ("5e-1", 0.5)])
def test_a_scale_is_read(text: str, mpp: float) -> None:
    assert scale_mpp(text) == mpp


@pytest.mark.parametrize("given", ["nan", "0", "-0.5", "inf", "-1", "1e999", "quarter", "0,25", ""])
@pytest.mark.parametrize("command", ["run", "inspect"])
def test_what_is_no_scale_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], command: str, given: str
) -> None:
    more = ["--analysis", "ki67", "--out", "unused"] if command == "run" else []
    with pytest.raises(SystemExit) as end:
        main([command, "slide.svs", "--mpp", given, *more])
    assert end.value.code == 2
    assert "is no scale in µm/px, such as 0.25" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "inspect", "demo", "doctor"])
def test_help_shows_each_example_on_a_line_of_its_own(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    lines = capsys.readouterr().out.splitlines()
    examples = [line for line in lines if line.startswith(f"  pathology {command}")]
    assert end.value.code == 0
    assert len(examples) >= 1
    assert all(line.count(f"pathology {command}") == 1 for line in examples)
