"""A site's annotations and a recipe, painted and tiny, for tests."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.measure import find_contours

from pathology.records.model import CLASSES
from pathology.training.field import LabelledField
from pathology.training.painted import painted_fields

QUPATH_NAMES = {"tumour": "Tumor", "lymphocyte": "Immune cells", "stroma": "Stroma"}
SIDE_PX = 192

RECIPE = """
schema = "pathology.recipe/1"
name = "{name}"
title = "Random numbers for tests"
task = "nuclei"
classes = ["tumour", "lymphocyte", "stroma", "other"]
limits = ["sees nothing"]

[sources]
network = "a test"
input = "a test"
crops = "a test"
loop = "a test"
fields = "a test"
decoding = "a test"
{teacher_source}

[network]
form = "nucleus-network"
encoder = "resnet10t"
stages = {stages}
decoder = {decoder}

[input]
stains = ["he", "ihc-dab"]
mpp = 0.5
finest_mpp = 0.4
coarsest_mpp = 0.6
halo_um = 32
step_px = 16

[crops]
side_px = 64
mpp = 0.5
least_zoom = 0.8
most_zoom = 1.25
recoloured_share = 0.4
untouched_share = 0.2

[loop]
steps = {steps}
batch = 2
learning_rate = 2e-3
weight_decay = 0.01
warm_up_steps = 2
average_decay = 0.5
most_gradient = 5.0
checkpoint_steps = 2
loader_processes = 0
seed = 1

[fields]
painted = 2
painted_seed = 1
painted_weight = 0.2
own_weight = 0.8
finest_mpp = 0

[decoding]
least_nucleus = 0.5
least_centre = 0.3
least_distance_um = 2.0
most_offset_um = 3.0
least_area_um2 = 8.0
{teacher}
"""
TEACHER = "[teacher]\nweight = 1.0\neverywhere = {everywhere}\n"


def write_recipe(
    path: Path,
    *,
    name: str = "tiny-made",
    steps: int = 4,
    stages: int = 3,
    everywhere: bool | None = None,
) -> Path:
    """A recipe of a tiny network; with ``everywhere`` it has a teacher."""
    taught = everywhere is not None
    text = RECIPE.format(
        name=name,
        steps=steps,
        stages=stages,
        decoder="[16, 8]" if stages == 3 else "[8]",
        teacher_source='teacher = "a test"' if taught else "",
        teacher=TEACHER.format(everywhere=str(everywhere).lower()) if taught else "",
    )
    path.write_text(text, encoding="utf-8")
    return path


def small_field(number: int = 0, seed: int = 5) -> LabelledField:
    """The corner of a painted field; even numbers are IHC."""
    whole = list(painted_fields(number + 1, seed))[number]
    return corner(whole, SIDE_PX)


def corner(field: LabelledField, side_px: int) -> LabelledField:
    """The upper left square of a field, labels of the rest left out."""
    from pathology.training.field import centroids, renumbered

    instances, old = renumbered(field.instances[:side_px, :side_px])
    return LabelledField(
        name=field.name,
        dataset=field.dataset,
        group=field.group,
        stain=field.stain,
        mpp=field.mpp,
        pixels=field.pixels[:side_px, :side_px].copy(),
        instances=instances,
        centre_px=centroids(instances, len(old)),
        cell_class=field.cell_class[old - 1],
        positive=field.positive[old - 1],
    )


def outlines_of(field: LabelledField) -> list[dict[str, object]]:
    """Every nucleus as QuPath would export it: an outline in pixels, from corners of pixels."""
    features = []
    for number, kind in enumerate(field.cell_class, start=1):
        mask = np.pad(field.instances == number, 1).astype(float)
        ring = max(find_contours(mask, 0.5), key=len)[:, ::-1] - 0.5
        names = [QUPATH_NAMES[CLASSES["nuclei"][kind]]]
        if field.positive[number - 1] >= 0:
            names.append("Positive" if field.positive[number - 1] else "Negative")
        features.append(
            {
                "type": "Feature",
                "geometry": {"type": "Polygon", "coordinates": [ring.tolist()]},
                "properties": {
                    "objectType": "annotation",
                    "classification": {"name": ": ".join(names), "color": [200, 0, 0]},
                },
            }
        )
    return features


def write_geojson(path: Path, features: list[dict[str, object]]) -> None:
    document = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(document), encoding="utf-8")


def write_own_set(folder: Path, fields: list[LabelledField], *, mpp: str = "mpp = 0.5") -> Path:
    """A folder as the guide asks for it: images, GeoJSON, manifest; a group an image."""
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    for place, field in enumerate(fields, start=1):
        name = f"field-{place}"
        Image.fromarray(field.pixels).save(folder / f"{name}.png")
        write_geojson(folder / f"{name}.geojson", outlines_of(field))
        images.append(f'[[images]]\nfile = "{name}.png"\ngroup = "patient-{place}"\n')
    lines = [
        'schema = "pathology.annotations/1"',
        'name = "our-cells"',
        'described = "painted for a test"',
        f'stain = "{fields[0].stain}"',
        "complete = false",
        mpp,
        "[classes]",
        *(f'"{qupath}" = "{ours}"' for ours, qupath in QUPATH_NAMES.items()),
        "",
        *images,
    ]
    (folder / "dataset.toml").write_text("\n".join(lines), encoding="utf-8")
    return folder
