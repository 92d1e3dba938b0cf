"""``pathology models verify`` and ``import``: networks are loaded and shown painted pictures."""

from __future__ import annotations

import argparse
import json

from pathology.cli.messages import say
from pathology.pipeline.model_trial import bring_in, try_models
from pathology.records.settings.run import RunSettings
from pathology.records.settings.site import ModelsSettings


def call(given: argparse.Namespace, settings: RunSettings) -> int:
    """0 if every model tried is fit, 1 otherwise."""
    if given.action == "import":
        return _import(given, settings.site.models)
    trials = try_models(settings.site.models, given.name)
    if given.json:
        rows = [{"name": t.name, "ok": not t.problem, "problem": t.problem} for t in trials]
        print(json.dumps({"models": rows}, ensure_ascii=False))
    elif not trials:
        print(say("models-none"))
    else:
        for trial in trials:
            print(f"!!  {trial.problem}" if trial.problem else say("models-fit", name=trial.name))
    return 1 if any(trial.problem for trial in trials) else 0


def _import(given: argparse.Namespace, settings: ModelsSettings) -> int:
    installed = bring_in(settings, given.file, given.card, given.to)
    card = installed.card
    if given.json:
        told = {"name": card.name, "sha256": card.weights.sha256, "folder": str(installed.folder)}
        print(json.dumps(told, ensure_ascii=False))
        return 0
    print(
        say("models-imported", name=card.name, folder=installed.folder, sha256=card.weights.sha256)
    )
    if settings.site_folder is None or settings.site_folder != installed.folder.absolute():
        print(say("models-name-folder", folder=installed.folder.absolute()))
    return 0
