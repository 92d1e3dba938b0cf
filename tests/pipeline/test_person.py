"""What a person drew: tumour, what is left out, and where to count."""

from __future__ import annotations

import pytest

from pathology.errors import UsageError
from pathology.pipeline.person import person_regions
from tests.exchange.examples import square_region


def drawn(region_id, kind, source="person"):
    return square_region(region_id, kind=kind, source=source)


def test_regions_are_read_by_what_they_mean():
    person = person_regions(
        [
            drawn("person-1", "tumour"),
            drawn("person-2", "necrosis"),
            drawn("person-3", "in_situ"),
            drawn("person-4", "field"),
            drawn("field-1", "field", "automatic"),
            drawn("person-5", "hotspot"),
            drawn("tissue", "tissue", "automatic"),
        ]
    )
    assert len(person.tumour) == 1
    assert set(person.excluded) == {"necrosis", "in_situ"}
    assert person.windows_px0 == dict.fromkeys(("field-1", "field-2", "hotspot"), (300.0, 400.0))


def test_an_automatic_tumour_is_no_confirmation():
    with pytest.raises(UsageError, match="no confirmation"):
        person_regions([drawn("tumour", "tumour", "automatic"), drawn("person-2", "necrosis")])


def test_two_hot_spots_are_one_too_many():
    spots = [drawn("person-2", "hotspot"), drawn("person-3", "hotspot")]
    with pytest.raises(UsageError, match="more than one hot spot"):
        person_regions([drawn("person-1", "tumour"), *spots])
