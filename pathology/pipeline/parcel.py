"""An order on its way to a worker, closed: the scheduler between passes bytes on.

So it loads none of the science, and reads no order: a path may be a patient's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from distributed.protocol.serialize import deserialize_bytes, serialize_bytes

if TYPE_CHECKING:
    from pathology.pipeline.at_work import Answer, Task
    from pathology.records.drafting import DraftAsk, DraftStory


def packed(task: Task) -> bytes:
    """A task for ``carried_out``."""
    parcel: bytes = serialize_bytes(task)
    return parcel


def carried_out(parcel: bytes) -> Answer:
    """The answer to a packed task; runs in a worker."""
    from pathology.pipeline.at_work import at_work  # seconds to load, and only workers need it

    return at_work(deserialize_bytes(parcel))


def packed_ask(ask: DraftAsk) -> bytes:
    """A draft that is asked for, for ``drafted``."""
    parcel: bytes = serialize_bytes(ask)
    return parcel


def drafted(parcel: bytes) -> DraftStory:
    """What came of a packed ask; runs in a worker with the resource llm."""
    from pathology.pipeline.drafting import draft_once  # see ``carried_out``

    return draft_once(deserialize_bytes(parcel))
