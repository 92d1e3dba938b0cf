"""A model taken out of use: no run begins with it, a night ends, and it is told by whom and why."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from pathology.cli.main import main
from pathology.errors import NotAllowed, UsageError
from pathology.ledger.open import utc_now
from pathology.nightly.incidents import Incidents
from pathology.nightly.model_stop import ModelStop
from pathology.nightly.options import NightClock
from pathology.pipeline.ledger_open import opened_ledger
from pathology.pipeline.models_in_use import check_in_use
from pathology.pipeline.registering import registering
from pathology.pipeline.settings import load_settings
from pathology.pipeline.withdrawn import restore_model, withdraw_model
from pathology.records.settings.run import RunSettings


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunSettings:
    """The shipped settings, which choose a network, and a fresh ledger of the system user."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    settings = load_settings()
    with opened_ledger(settings.ledger):
        pass
    return settings


def test_no_run_begins_with_it(site: RunSettings) -> None:
    with registering(site) as register:
        register.check_models(site, ["ki67"])
        withdraw_model(site, "nuclei-1", None, "counts stroma")
        with pytest.raises(UsageError, match=r"nuclei-1.*counts stroma"):
            register.check_models(site, ["ki67"])
        models = replace(site.site.models, nuclei_ihc="classical")
        classical = replace(site, site=replace(site.site, models=models))
        register.check_models(classical, ["ki67"])
    restore_model(site, "nuclei-1", None, "mended")
    with registering(site) as register:
        register.check_models(site, ["ki67", "infiltration"])
    with pytest.raises(UsageError, match="is not out of use"):
        restore_model(site, "nuclei-1", None, "mended")


def test_other_weights_of_the_name_may_be_used(site: RunSettings) -> None:
    withdraw_model(site, "nuclei-1", "0" * 64, "an earlier training")
    with opened_ledger(site.ledger) as (ledger, _):
        check_in_use(ledger.models, site, ["ki67"])


def test_a_night_that_goes_on_is_asked_to_end(site: RunSettings) -> None:
    stop, told = threading.Event(), []
    with opened_ledger(site.ledger) as (ledger, actor):
        look = ModelStop(
            switch=ledger.models,
            settings=site,
            analyses=["ki67"],
            incidents=Incidents(NightClock(), told.append),
            stop=stop,
        )
        look.look()
        assert not stop.is_set()
        ledger.models.withdraw("nuclei-1", None, by=actor, now_utc=utc_now(), why="wrong")
        look._looked = float("-inf")  # as if the pause were over
        look.look()
    assert stop.is_set()
    assert [incident.code for incident in told] == ["model-withdrawn"]


def test_the_command_needs_a_reason_and_tells_the_cases(
    site: RunSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["models", "withdraw", "nuclei-1"])
    assert main(["models", "withdraw", "nuclei-1", "--why", " "]) == 2
    capsys.readouterr()
    assert main(["models", "withdraw", "nuclei-1", "--why", "wrong", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["name"], told["why"], told["cases"]) == ("nuclei-1", "wrong", [])
    assert main(["models", "withdrawn"]) == 0
    assert "nuclei-1" in capsys.readouterr().out
    assert main(["models", "restore", "nuclei-1", "--why", "mended"]) == 0
    with opened_ledger(site.ledger) as (ledger, _):
        acts = [line.act for line in ledger.audit.lines()]
    assert acts[-2:] == ["withdraw-model", "restore-model"]


def test_without_a_ledger_nothing_is_out_of_use_and_none_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    settings = load_settings()
    with registering(settings) as register:
        register.check_models(settings, ["ki67"])
    assert not (tmp_path / "state").exists()
    assert main(["models", "withdraw", "nuclei-1", "--why", "wrong"]) == 1


def test_a_technician_may_not(site: RunSettings) -> None:
    with opened_ledger(site.ledger) as (ledger, actor):
        ledger.accounts.set_roles(actor.name, frozenset({"technician"}), actor, utc_now())
    with pytest.raises(NotAllowed):
        withdraw_model(site, "nuclei-1", None, "wrong")
