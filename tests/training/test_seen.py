"""What networks and the classical analysis see in painted images, at every scale they come in."""

from __future__ import annotations

import numpy as np
import pytest

from pathology.config import load_record, shipped_configs
from pathology.records.prediction import CellClass, Positivity, TissueClass
from pathology.records.settings.predictions import PredictionSettings
from pathology.training.field import LabelledField, painted_discs, unknown
from pathology.training.field_scores import nucleus_scores, tissue_scores
from pathology.training.nuclei_seen import NucleiSeen, nuclei_by_baseline, nuclei_by_network
from pathology.training.tissue_field import BACKGROUND, NORMAL, STROMA, TUMOUR, TissueField
from pathology.training.tissue_seen import tissue_by_baseline, tissue_by_network
from pathology.training.whole_field import downsample_for, on_own_grid, whole_tile
from tests.painted import EOSIN, GLASS, paint_nuclei
from tests.tiny_models import tiny_card
from tests.training.plain_networks import disc_network, tissue_network

SETTINGS = load_record(shipped_configs() / "predictions.toml", PredictionSettings)


def painted_field(mpp: float, *, stain: str = "ihc-dab", complete: bool = True) -> LabelledField:
    """About 90 nuclei in 160 x 120 µm, all within the image."""
    width, height = round(160 / mpp), round(120 / mpp)
    painting = paint_nuclei(
        width=width, height=height, mpp=mpp, spacing_um=14, margin_um=12, stain=stain, seed=3
    )
    n = len(painting.centres_px)
    return LabelledField(
        name="painted",
        dataset="painted",
        group="painted",
        stain="he" if stain == "he" else "ihc-dab",
        mpp=mpp,
        pixels=painting.pixels,
        instances=painted_discs((height, width), painting.centres_px, painting.radius_um / mpp),
        centre_px=painting.centres_px,
        cell_class=np.full(n, CellClass.TUMOUR, np.int8),
        positive=painting.brown.astype(np.int8),
        complete=complete,
    )


def told(field: LabelledField, seen: NucleiSeen | None) -> dict[str, float]:
    assert seen is not None
    scores = nucleus_scores(field, seen, 3.0, list(CellClass))
    return {measure.name: measure.over([counts]).value for measure, counts in scores.items()}


@pytest.mark.parametrize("mpp", [0.11, 0.25, 0.37, 0.48, 0.55])
def test_a_network_that_sees_all_scores_all_at_every_scale(mpp: float) -> None:
    field = painted_field(mpp)
    scores = told(field, nuclei_by_network(field, disc_network(), SETTINGS))
    assert scores["F1-detection within 3 µm"] == 1
    assert scores["F1-class/Graham2019 tumour"] == scores["F1-class/plain tumour"] == 1
    assert scores["AJI, mean of images"] > 0.8
    assert scores["PQ, mean of images"] > 0.8
    assert scores["positivity accuracy (DAB threshold)"] == 1
    assert scores["positivity accuracy (learned map)"] == 1
    assert scores["index error in points (learned map), mean of images"] == 0


def test_centres_lie_where_they_were_painted() -> None:
    field = painted_field(0.25)
    seen = nuclei_by_network(field, disc_network(), SETTINGS)
    assert seen is not None
    gap = np.hypot(*(seen.centre_px[:, None] - field.centre_px[None]).transpose(2, 0, 1))
    assert np.median(gap.min(axis=1)) * field.mpp < 0.2
    assert seen.labels.shape == field.instances.shape
    assert set(np.unique(seen.labels)) == set(range(len(seen.centre_px) + 1))


def test_the_baseline_is_scored_alike() -> None:
    field = painted_field(0.25)
    scores = told(field, nuclei_by_baseline(field, SETTINGS))
    assert scores["F1-detection within 3 µm"] > 0.95
    assert scores["AJI, mean of images"] > 0.6
    assert scores["positivity accuracy (DAB threshold)"] == 1
    assert not any("learned" in name for name in scores)


def test_nuclei_at_the_edge_are_seen_and_stay_inside() -> None:
    field = painted_field(0.5)
    cut = LabelledField(
        name="cut",
        dataset="painted",
        group="cut",
        stain="ihc-dab",
        mpp=0.5,
        pixels=field.pixels[30:, 30:],
        instances=field.instances[30:, 30:],
        centre_px=field.centre_px - 30,
        cell_class=field.cell_class,
        positive=field.positive,
    )
    seen = nuclei_by_network(cut, disc_network(), SETTINGS)
    assert seen is not None
    assert (seen.centre_px >= 0).all()
    assert (seen.centre_px <= cut.instances.shape[::-1]).all()


def test_what_labels_cannot_judge_is_not_scored() -> None:
    field = painted_field(0.5, complete=False)
    scores = told(field, nuclei_by_network(field, disc_network(), SETTINGS))
    assert scores["recall within 3 µm"] == 1
    wrongly = [n for n in scores if n.startswith(("F1", "precision", "AJI", "PQ", "index", "Dice"))]
    assert not wrongly
    plain = painted_field(0.5, stain="he")
    blank = unknown(len(plain.centre_px))
    bare = LabelledField(
        **{
            **{name: getattr(plain, name) for name in LabelledField.__slots__},
            "cell_class": blank,
            "positive": blank,
            "outlined": False,
        }
    )
    names = told(bare, nuclei_by_network(bare, disc_network(), SETTINGS))
    assert sorted(names) == [
        "F1-detection within 3 µm",
        "precision within 3 µm",
        "recall within 3 µm",
    ]


def test_an_image_too_coarse_is_left_to_nobody() -> None:
    field = painted_field(1.2)
    assert nuclei_by_network(field, disc_network(), SETTINGS) is None
    assert nuclei_by_baseline(field, SETTINGS) is None


def test_stain_of_haematoxylin_alone_has_no_positivity() -> None:
    field = painted_field(0.5, stain="he")
    seen = nuclei_by_network(field, disc_network(), SETTINGS)
    assert seen is not None
    assert (seen.positive == Positivity.UNKNOWN).all()


def test_images_are_reduced_as_slides_are() -> None:
    scale = tiny_card().input  # 0.5, of 0.4 to 0.6
    assert downsample_for(0.25, scale) == 2
    assert downsample_for(0.11, scale) == 4
    assert downsample_for(0.55, scale) == 1
    assert downsample_for(0.37, scale) == pytest.approx(0.5 / 0.37)
    assert downsample_for(0.61, scale) is None


def test_the_tile_holds_the_image_and_mirrors_it() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8)
    tile = whole_tile(pixels, 0.5, 1, 5.0)
    assert tile.region.pixels.shape == (60, 80, 3)
    np.testing.assert_array_equal(tile.region.pixels[10:50, 10:70], pixels)
    np.testing.assert_array_equal(tile.region.pixels[9, 10:70], pixels[1])


def test_values_go_back_to_the_images_own_grid() -> None:
    values = np.arange(6).reshape(2, 3)
    wide = on_own_grid(values, 2, (5, 6))
    np.testing.assert_array_equal(wide[:2, :2], 0)
    np.testing.assert_array_equal(wide[4], wide[3])  # the last incomplete row repeats


def tissue_field(mpp: float, allowed: tuple[int, int] = (TUMOUR, STROMA)) -> TissueField:
    """Bluish left half, pink right half, glass below; textured, since nothing real is even."""
    side = round(384 / mpp)
    pixels = np.full((side, side, 3), GLASS, np.float32)
    pixels[: side // 2, : side // 2] = (150, 120, 190)
    pixels[: side // 2, side // 2 :] = EOSIN
    pixels += np.random.default_rng(1).normal(0, 3, pixels.shape)
    truth = np.full((side, side), BACKGROUND, np.uint8)
    truth[: side // 2, : side // 2], truth[: side // 2, side // 2 :] = allowed
    return TissueField(
        name="halves",
        dataset="painted",
        group="halves",
        stain="he",
        mpp=mpp,
        pixels=np.clip(pixels, 0, 255).astype(np.uint8),
        allowed=truth,
    )


@pytest.mark.parametrize("mpp", [0.5, 0.62, 1.0])
def test_tissue_lies_where_it_was_painted(mpp: float) -> None:
    field = tissue_field(mpp)
    seen = tissue_by_network(field, tissue_network(), SETTINGS)
    assert seen is not None
    scores = {m.name: m.over([c]).value for m, c in tissue_scores(field, seen).items()}
    assert scores["mean IoU tumour, stroma"] > 0.97
    assert scores["mean IoU tumour, stroma on the map"] > 0.9
    assert scores["share of area called right"] > 0.98
    assert np.isnan(scores["IoU normal"])


def test_labels_of_two_classes_only_tell_right_from_wrong() -> None:
    field = tissue_field(1.0, (TUMOUR | NORMAL, STROMA | NORMAL))
    seen = tissue_by_network(field, tissue_network(), SETTINGS)
    assert seen is not None
    scores = {m.name: m.over([c]).value for m, c in tissue_scores(field, seen).items()}
    assert not any("IoU" in name for name in scores)
    assert scores["share of area called right"] > 0.98


def test_what_nobody_judged_counts_nowhere() -> None:
    field = tissue_field(1.0)
    field.allowed[:, : field.allowed.shape[1] // 2] = 0
    seen = tissue_by_network(field, tissue_network(), SETTINGS)
    assert seen is not None
    scores = dict(tissue_scores(field, seen))
    right = next(c for m, c in scores.items() if m.name == "share of area called right")
    assert right[1] == field.allowed.size / 2


def test_the_baseline_sees_tissue_too() -> None:
    seen = tissue_by_baseline(tissue_field(1.0), SETTINGS)
    assert seen.finest.shape == (384, 384)
    assert (seen.finest[250:] == TissueClass.BACKGROUND).mean() > 0.95
