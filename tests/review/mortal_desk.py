"""A served desk in a process of its own that is killed where a test says: ``python -m`` this."""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pathology.pipeline import desk_signing
from pathology.review.serve import Address, server_of
from tests.ledgers import LedgerSite
from tests.review.case_desk import case_desk
from tests.review.painted_desk import PaintedDesk
from tests.review.real_desk import Clock, RealDesk


class Now(Clock):
    def __call__(self) -> datetime:
        return datetime.now(UTC)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Mortal:
    """The application, killed when a request arrives, or when its answer is about to leave."""

    def __init__(self, app: Any, when: str, path: str) -> None:
        self.app, self.when, self.path = app, when, path

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        mine = scope["type"] == "http" and scope["path"].endswith(self.path)
        if mine and self.when == "arrived":
            die()

        async def sent(message: Any) -> None:
            good = message["type"] == "http.response.start" and message["status"] == 200
            if mine and good and self.when == "answering":
                die()
            await send(message)

        await self.app(scope, receive, sent)


def main(folder: Path, slide: Path, result: Path, port: int, when: str, path: str) -> None:
    """``when``: "never", "arrived", "answering", or "sealed": signed, and no file written yet."""
    out = result.parent.parent
    painted = PaintedDesk(results=out, slide=slide, folder=result, painting=None)  # type: ignore[arg-type]
    with LedgerSite(folder=folder).open() as ledger:
        admin = ledger.accounts.actor("chief")
        real = RealDesk(painted=painted, ledger=ledger, admin=admin, clock=Now())
        real.more = {"cases": case_desk(real, out), "notes": True}
        server = server_of(real.desk(), Address(host="127.0.0.1", port=port))
        if when == "sealed":
            desk_signing.write_signed = lambda *_: die()  # type: ignore[assignment]
        server.config.loaded_app = Mortal(server.config.loaded_app, when, path)
        server.run()


if __name__ == "__main__":
    folder, slide, result, port, when, path = sys.argv[1:]
    main(Path(folder), Path(slide), Path(result), int(port), when, path)
