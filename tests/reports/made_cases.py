"""Cases with a known truth: results of slides and what a laboratory states, drawn by a seed."""

from __future__ import annotations

import random
from dataclasses import replace

from pathology.findings.interval import wilson_interval
from pathology.records.case_data import (
    CaseData,
    Her2,
    PreviousSpecimen,
    Receptor,
    Specimen,
    Staining,
)
from pathology.records.finding import (
    AreaShare,
    Category,
    Clustered,
    Finding,
    Measurement,
    NotMeasurable,
    Proportion,
    Search,
)
from pathology.records.result import ModelUsed, Quality, StoredResult, StoredSlide

PROVISIONAL = "provisional: the tumour region is automatic and nobody has confirmed it"
COUNTING = "the interval is counting uncertainty only"
IKWG, WHO = "IKWG 2021", "WHO 2019, neuroendocrine tumours"


def dice(seed: object) -> random.Random:
    """Repeatable chance; nothing secret is drawn with it."""
    return random.Random(str(seed))  # noqa: S311


def stored(analysis: str, findings: tuple[Finding, ...], **change: object) -> StoredResult:
    """A result as it is read back from its folder."""
    slide = StoredSlide(
        id=f"slide-{analysis}-0a1b",
        digest="ab" * 32,
        file=None,
        width_px0=40_000,
        height_px0=30_000,
        mpp_x=0.25,
        mpp_y=0.25,
        mpp_source="file",
        stain="ihc-dab" if analysis == "ki67" else "he",
        marker="Ki-67" if analysis == "ki67" else None,
        marker_source="order" if analysis == "ki67" else "none",
        format="tiled-tiff",
    )
    result = StoredResult(
        result_id=f"slide-{analysis}-0a1b/{analysis}-00000000",
        supersedes=None,
        author="software",
        analysis=analysis,
        case_id=None,
        slide=slide,
        quality=Quality(tissue_mm2=80.0, analysed_mm2=70.0, unreadable_tiles=0),
        tumour_region_source="confirmed",
        findings=findings,
        software="pathology 0.1.0",
        models=(ModelUsed(name="nuclei-1", weights_sha256="cd" * 32, licence="research"),),
        settings_sha256="ef" * 32,
        started_utc="2030-01-31T14:00:00+00:00",
    )
    return replace(result, **change)


def share_finding(
    finding_id: str, name: str, protocol: str, part: int, whole: int, **change: object
) -> Finding:
    """A counted share with its Wilson interval."""
    low, high = wilson_interval(part, whole)
    finding = Finding(
        id=finding_id,
        name=name,
        protocol=protocol,
        formula="ki67-index/1",
        answer=Proportion(part=part, whole=whole, low=low, high=high, interval="wilson-95"),
        caveats=(COUNTING,),
    )
    return replace(finding, **change)


def ikwg(part: int, whole: int) -> str:
    """IKWG 2021 on integers."""
    if 100 * part <= 5 * whole:
        return "low"
    return "high" if 100 * part >= 30 * whole else "intermediate, not to be categorised"


def who(part: int, whole: int) -> str:
    """WHO 2019 by Ki-67 alone, on integers."""
    if 100 * part < 3 * whole:
        return "G1"
    return "G2" if 100 * part <= 20 * whole else "G3"


def ki67_result(
    rng: random.Random, *, confirmed: bool = True, organ: str | None = None
) -> StoredResult:
    """A Ki-67 result; ``organ`` pancreas draws lower indices."""
    whole = rng.randint(600, 9000)
    top = 0.3 if organ == "pancreas" else 0.8
    index = rng.uniform(0.01, top)
    part = round(index * whole)
    hot = min(500, round(min(1.0, index * rng.uniform(1.1, 1.8)) * 500))
    caveats = (COUNTING,) if confirmed else (PROVISIONAL, COUNTING)

    def category(rule: str, name: str, borderline: bool) -> Category | None:
        return Category(rule=rule, name=name, borderline=borderline) if confirmed else None

    wide = Clustered(
        low=max(0.0, part / whole - 0.08),
        high=min(1.0, part / whole + 0.09),
        interval="block-bootstrap-95",
        blocks=30,
    )
    search = Search(
        windows=rng.randint(50, 400),
        expected_by_chance=part / whole + 0.03,
        chance_limit=part / whole + 0.05,
        beyond_chance=True,
    )
    fields = round(index * 400)
    findings = [
        share_finding(
            "f1",
            "ki67.global",
            "WSI_GLOBAL",
            part,
            whole,
            category=category(IKWG, ikwg(part, whole), rng.random() < 0.2),
            clustered=wide,
            caveats=caveats,
        ),
        share_finding(
            "f2",
            "ki67.global_unweighted",
            "IKWG_GLOBAL_UNWEIGHTED",
            fields,
            400,
            category=category(IKWG, ikwg(fields, 400), False),
            caveats=caveats,
        ),
    ]
    if rng.random() < 0.85:
        spot = {"caveats": caveats, "search": search}
        findings.append(share_finding("f4", "ki67.hotspot", "IKWG_HOTSPOT", hot, 500, **spot))
        findings.append(
            share_finding(
                "f5",
                "ki67.net_hotspot",
                "NET_HOTSPOT",
                hot,
                500,
                category=category(WHO, who(hot, 500), False),
                **spot,
            )
        )
    else:
        why = NotMeasurable(
            code="too-few-nuclei",
            reason="312 tumour nuclei, fewer than the 500 this protocol requires",
        )
        for finding_id, name, protocol in (
            ("f4", "ki67.hotspot", "IKWG_HOTSPOT"),
            ("f5", "ki67.net_hotspot", "NET_HOTSPOT"),
        ):
            findings.append(
                Finding(
                    id=finding_id,
                    name=name,
                    protocol=protocol,
                    formula="ki67-index/1",
                    answer=why,
                )
            )
    source = "confirmed" if confirmed else "automatic"
    return stored("ki67", tuple(findings), tumour_region_source=source)


def til_result(rng: random.Random, *, confirmed: bool = True) -> StoredResult:
    """A result on H&E."""
    whole = rng.randint(2_000_000, 9_000_000)
    part = round(rng.uniform(0.02, 0.7) * whole)
    low, high = max(0.0, part / whole - 0.03), min(1.0, part / whole + 0.03)
    share = Finding(
        id="f4",
        name="til.stromal_area_fraction",
        protocol="STROMAL_AREA_IN_BED",
        formula="til-stromal-area/1",
        answer=AreaShare(
            part_um2=part, whole_um2=whole, low=low, high=high, interval="block-bootstrap-95"
        ),
    )

    def density(finding_id: str, name: str) -> Finding:
        value = rng.uniform(30, 4000)
        return Finding(
            id=finding_id,
            name=name,
            protocol="DENSITY_IN_BED",
            formula="cell-density/1",
            answer=Measurement(
                value=value,
                unit="1/mm2",
                low=value * 0.93,
                high=value * 1.07,
                interval="poisson-exact-95",
            ),
        )

    def measured(finding_id: str, name: str, value: float, unit: str) -> Finding:
        answer = Measurement(value=value, unit=unit)
        return Finding(id=finding_id, name=name, protocol="AREA", formula="area/1", answer=answer)

    findings = (
        measured("f1", "tumour.area", rng.uniform(1, 200), "mm2"),
        density("f2", "til.density_tumour"),
        density("f3", "til.density_stroma"),
        share,
        density("f5", "til.density_margin"),
        density("f6", "til.density_margin_inner"),
        density("f7", "til.density_margin_outer"),
        measured("f9", "margin.length", rng.uniform(2, 60), "mm"),
    )
    source = "confirmed" if confirmed else "automatic"
    return stored("infiltration", findings, tumour_region_source=source)


def breast_case(rng: random.Random, *, complete: bool = False) -> CaseData:
    """What a laboratory may state of a breast cancer; parts are missing as they are in life."""

    def given(value: object, often: float = 0.9) -> object:
        return value if complete or rng.random() < often else None

    er = rng.choice([0, 1, 5, 40, 70, 80, 90, 95, 100])
    pr = rng.choice([0, 1, 10, 15, 20, 30, 60, 80, 90])
    score = rng.choice(["0", "1+", "2+", "3+"])
    her2 = {"0": "negative", "1+": "negative", "2+": "equivocal", "3+": "positive"}[score]
    presence = {}
    for topic in ("lvi", "necrosis", "in_situ"):
        if complete or rng.random() < 0.7:
            presence[topic] = rng.choice(["present", "absent"])
    return CaseData(
        case_id=f"case-{rng.randrange(10**6):06d}",
        specimen=Specimen(
            procedure=given(rng.choice(["core-biopsy", "excision", "mastectomy"])),
            side=given(rng.choice(["left", "right"])),
            organ="breast",
            tumour_type=given(rng.choice(["invasive-nst", "invasive-lobular"])),
            block=given(f"A{rng.randint(1, 9)}"),
        ),
        er=Receptor(
            percent=given(float(er)),
            status=given("positive" if er else "negative"),
            intensity=given(rng.choice(["weak", "moderate", "strong"]), 0.5) if er else None,
        ),
        pr=Receptor(percent=given(float(pr)), status=given("positive" if pr else "negative")),
        her2=Her2(score=given(score), status=given(her2)),
        staining=Staining(clone=given(rng.choice(["MIB-1", "SP6", "30-9"])), control=given("pass")),
        presence=presence,
        previous=(PreviousSpecimen(date="2029-05-14", ki67_percent=12.5),)
        if rng.random() < 0.3
        else (),
    )


def net_case(rng: random.Random) -> CaseData:
    """A neuroendocrine tumour."""
    mitoses = rng.choice([0, 1, 3, 8, 21])
    grade = "G1" if mitoses < 2 else "G2" if mitoses <= 20 else "G3"
    return CaseData(
        case_id=f"case-{rng.randrange(10**6):06d}",
        specimen=Specimen(
            procedure=rng.choice(["resection", "endoscopic-biopsy"]),
            organ=rng.choice(["pancreas", "small-bowel", "stomach"]),
            tumour_type="neuroendocrine",
            block=f"B{rng.randint(1, 9)}",
        ),
        staining=Staining(clone="MIB-1", control="pass"),
        mitoses_per_2mm2=float(mitoses),
        mitotic_grade=grade,
        presence={"necrosis": rng.choice(["present", "absent"])},
    )
