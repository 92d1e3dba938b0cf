"""``pathology models {withdraw,restore,withdrawn}``: the kill switch."""

from __future__ import annotations

import argparse
import json

from pathology.cli.messages import say
from pathology.pipeline.withdrawn import restore_model, withdraw_model, withdrawn_models
from pathology.records.settings.run import RunSettings
from pathology.records.withdrawal import WithdrawnModel

SCHEMA = "pathology.models-withdrawn/1"


def call(given: argparse.Namespace, settings: RunSettings) -> int:
    """Do it; 0."""
    if given.action == "withdrawn":
        return _list(withdrawn_models(settings), as_json=given.json)
    if given.action == "restore":
        restore_model(settings, given.name, given.sha256, given.why)
        told = {"schema": SCHEMA, "restored": given.name}
        print(json.dumps(told) if given.json else say("models-restored", name=given.name))
        return 0
    done = withdraw_model(settings, given.name, given.sha256, given.why)
    if given.json:
        cases = [{"case": line.case, "state": line.state} for line in done.touched]
        print(json.dumps({"schema": SCHEMA, **_told(done.model), "cases": cases}))
        return 0
    print(say("models-withdrawn", name=given.name, cases=len(done.touched)))
    for line in done.touched:
        print(f"  {line.case}  {line.state}")
    return 0


def _list(models: tuple[WithdrawnModel, ...], *, as_json: bool) -> int:
    if as_json:
        told = [_told(model) for model in models]
        print(json.dumps({"schema": SCHEMA, "withdrawn": told}, ensure_ascii=False))
        return 0
    for model in models:
        since = f"{model.at_utc:%Y-%m-%d %H:%M}"
        print(f"{model.name}  {model.weights_sha256 or '*'}  {since}  {model.by}  {model.why}")
    if not models:
        print(say("none"))
    return 0


def _told(model: WithdrawnModel) -> dict[str, object]:
    return {
        "name": model.name,
        "sha256": model.weights_sha256,
        "why": model.why,
        "by": model.by,
        "at_utc": model.at_utc.isoformat(),
    }
