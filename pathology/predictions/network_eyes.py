"""Eyes with networks: nuclei, tissue or both; what has no network is seen by classical eyes.

Reading, network and decoding go on side by side: one thread holds the networks, others turn maps
into nuclei, and the caller works on a tile while the next ones are on their way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from pathology.models.catalogue import Installed
from pathology.predictions.classical import ClassicalEyes
from pathology.predictions.devices import device_for
from pathology.predictions.forward import Network, Pending, network_at_hand
from pathology.predictions.framing import Framed, framed
from pathology.predictions.measure import pixels_of
from pathology.predictions.network_nuclei import clear_of_edges, dab_of, decoded, nuclei_of
from pathology.predictions.network_tissue import reduction_for, tissue_classes
from pathology.predictions.seen_by import seen_by
from pathology.predictions.stopwatch import Stopwatch
from pathology.records.eyes import SampledNuclei, SeenBy, TileSeen
from pathology.records.geometry import Box, Mpp, px_area_to_um2
from pathology.records.order import DeviceChoice
from pathology.records.prediction import Calibration, Nuclei
from pathology.records.result import NetworkWork
from pathology.records.slide import Region
from pathology.records.tile import Tile

AHEAD = 2
"""Batches under way beside the one that the caller takes tiles from."""
MOST_HANDS = 4
"""Threads that turn maps into nuclei, beside a GPU."""


class Told(NamedTuple):
    """What a network tells of one tile."""

    frame: Framed
    answer: Pending


class Answers(NamedTuple):
    """What both networks tell of one tile; None where one was not asked."""

    nuclei: Told | None
    tissue: Told | None


@dataclass(slots=True, kw_only=True, eq=False)
class NetworkEyes:
    """``records.eyes.Eyes`` by networks."""

    classical: ClassicalEyes
    nuclei: Network | None
    tissue: Network | None
    watch: Stopwatch = field(default_factory=Stopwatch)
    halvings_before: int = field(init=False)
    """Networks outlive a slide; what happened on earlier ones is not told of this one."""

    def __post_init__(self) -> None:
        self.halvings_before = sum(n.memory_halvings for n in self._networks)

    @property
    def nuclei_by(self) -> SeenBy:
        """Who sees nuclei."""
        return self.classical.nuclei_by if self.nuclei is None else seen_by(self.nuclei.card)

    @property
    def tissue_by(self) -> SeenBy:
        """Who sees tissue."""
        return self.classical.tissue_by if self.tissue is None else seen_by(self.tissue.card)

    @property
    def work(self) -> NetworkWork | None:
        """How the networks have worked so far."""
        if not (networks := self._networks):
            return None
        return NetworkWork(
            device=networks[0].device.name,
            precision={n.card.name: n.precision for n in networks},
            threads=torch.get_num_threads(),
            batch_tiles=min(n.batch for n in networks),
            memory_halvings=sum(n.memory_halvings for n in networks) - self.halvings_before,
            seconds=self.watch.seconds(),
        )

    def sample(self, samples: Sequence[NDArray[np.uint8]]) -> SampledNuclei:
        """Nuclei in patches of tissue; those that a patch's edge may have cut are left out."""
        if self.nuclei is None:
            return self.classical.sample(samples)
        areas: list[NDArray[np.floating]] = [np.empty(0)]
        dabs: list[NDArray[np.floating]] = [np.empty(0)]
        for sample in samples:
            tile = _whole(sample, self.classical.mpp)
            (told,) = _asked(self.nuclei, [tile], reduction=1)
            found = decoded(told.answer.maps(), told.frame, tile, self.nuclei.card)
            pixels = pixels_of(found.labels, clear_of_edges(found.labels, len(found.peaks_px)))
            areas.append(px_area_to_um2(1.0, tile.mpp) * pixels.size)
            dabs.append(dab_of(pixels, sample, self.classical.stains))
        return SampledNuclei(
            area_um2=np.concatenate(areas), dab_od=np.concatenate(dabs), nuclear_od=np.nan
        )

    def see(
        self, tiles: Iterable[Tile], calibration: Calibration | None
    ) -> Generator[TileSeen, None, None]:
        """Nuclei and tissue classes of each tile; see ``records.eyes.Eyes``."""
        size = max((n.batch for n in self._networks), default=1)
        waiting, under_way = iter(tiles), deque[Future[TileSeen]]()
        with (
            ThreadPoolExecutor(1, thread_name_prefix="network") as asking,
            ThreadPoolExecutor(self._hands, thread_name_prefix="decoding") as decoding,
        ):
            try:
                while batch := self._read(waiting, size):
                    answers = asking.submit(self._answers, batch, nuclei=calibration is not None)
                    under_way.extend(
                        decoding.submit(self._seen, tile, answers, place, calibration)
                        for place, tile in enumerate(batch)
                    )
                    while len(under_way) > AHEAD * size:
                        yield under_way.popleft().result()
                while under_way:
                    yield under_way.popleft().result()
            finally:  # an error is on its way, or the caller is gone: what waits must not begin
                asking.shutdown(wait=False, cancel_futures=True)
                decoding.shutdown(wait=False, cancel_futures=True)

    @property
    def _networks(self) -> tuple[Network, ...]:
        return tuple(n for n in (self.nuclei, self.tissue) if n is not None)

    @property
    def _hands(self) -> int:
        """On a processor the network itself takes all cores."""
        on_gpu = any(n.device.kind == "cuda" for n in self._networks)
        return min(MOST_HANDS, max(1, torch.get_num_threads())) if on_gpu else 1

    def _read(self, tiles: Iterator[Tile], size: int) -> list[Tile]:
        with self.watch.lap("read_wait"):
            return list(islice(tiles, size))

    def _answers(self, batch: list[Tile], *, nuclei: bool) -> list[Answers]:
        with self.watch.lap("forward"):
            found: list[Told | None] = [None] * len(batch)
            if nuclei and self.nuclei is not None:
                found = [*_asked(self.nuclei, batch, reduction=1)]
            classes: list[Told | None] = [None] * len(batch)
            if self.tissue is not None:
                reduction = reduction_for(self.tissue.card, batch[0].mpp)
                if reduction is not None:
                    classes = [*_asked(self.tissue, batch, reduction)]
            return [Answers(*pair) for pair in zip(found, classes, strict=True)]

    def _seen(
        self,
        tile: Tile,
        answers: Future[list[Answers]],
        place: int,
        calibration: Calibration | None,
    ) -> TileSeen:
        told = answers.result()[place]
        nuclei = self._nuclei(tile, told.nuclei, calibration)
        return TileSeen(tile=tile, nuclei=nuclei, classes=self._classes(tile, told.tissue))

    def _nuclei(self, tile: Tile, told: Told | None, calibration: Calibration | None) -> Nuclei:
        if calibration is None:
            return Nuclei.none()
        if told is None or self.nuclei is None:
            return self.classical.nuclei(tile, calibration)
        with self.watch.lap("maps_wait"):
            maps = told.answer.maps()
        with self.watch.lap("decode"):
            card = self.nuclei.card
            found = decoded(maps, told.frame, tile, card)
            return nuclei_of(found, tile, self.classical.stains, calibration, card)

    def _classes(self, tile: Tile, told: Told | None) -> NDArray[np.uint8]:
        if told is None or self.tissue is None:
            return self.classical.tissue(tile)
        with self.watch.lap("maps_wait"):
            maps = told.answer.maps()
        look = self.classical.stains, self.classical.settings
        with self.watch.lap("decode"):
            return tissue_classes(maps, told.frame, tile, self.tissue.card, look)


def network_eyes(
    classical: ClassicalEyes,
    nuclei: Installed | None,
    tissue: Installed | None,
    device: DeviceChoice,
    allowed_torchscript: tuple[str, ...] = (),
) -> NetworkEyes:
    """Eyes with the networks of these models, at hand from earlier slides where they are.

    A tissue network that no whole reduction of the work scale suits gives way to classical eyes.

    Raises
    ------
    ModelRefused
        The weights cannot be trusted or used.
    SlideError
        The device is not to be had.
    """
    where = device_for(device)

    def at_hand(installed: Installed | None) -> Network | None:
        if installed is None:
            return None
        return network_at_hand(installed, where, allowed_torchscript)

    suits = tissue is not None and reduction_for(tissue.card, classical.mpp) is not None
    return NetworkEyes(
        classical=classical, nuclei=at_hand(nuclei), tissue=at_hand(tissue if suits else None)
    )


def _asked(network: Network, tiles: Sequence[Tile], reduction: int) -> list[Told]:
    """The network's answers to tiles; tiles of one shape are asked together."""
    step = network.card.input.step_px
    frames = [framed(t.region.pixels, t.region.box, step, reduction) for t in tiles]
    told: list[Told] = []
    for _, alike in groupby(frames, key=lambda frame: frame.pixels.shape):
        some = list(alike)
        answers = network.forward([frame.pixels for frame in some])
        told += [Told(*pair) for pair in zip(some, answers, strict=True)]
    return told


def _whole(sample: NDArray[np.uint8], mpp: Mpp) -> Tile:
    """A patch as a tile without a halo, at the slide's corner."""
    box = Box(0, 0, sample.shape[1], sample.shape[0])
    return Tile(core=box, region=Region(box=box, downsample=1.0, pixels=sample), mpp=mpp)
