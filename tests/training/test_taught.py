"""Learning from a teacher: nothing to say where it agrees, nothing to say where labels judge."""

from __future__ import annotations

import torch
from torch import Tensor

from pathology.training.recipe import TeacherSettings
from pathology.training.taught import nucleus_loss_taught, taught_nuclei, tissue_loss_taught

KEEP = TeacherSettings(weight=1.0, everywhere=False)


def maps(seed: int) -> Tensor:
    return torch.randn((2, 9, 16, 16), generator=torch.Generator().manual_seed(seed))


def truth(taught: Tensor, *, judged: bool) -> dict[str, Tensor]:
    """Labels that judge everywhere, or nowhere."""
    shape = (2, 16, 16)
    value = 1 if judged else -1
    return {
        "taught": taught,
        "nucleus": torch.full(shape, value, dtype=torch.int8),
        "centre": torch.full(shape, float(value)),
        "offset": torch.zeros((2, 2, 16, 16)),
        "inside": torch.full(shape, judged),
        "cell_class": torch.full(shape, value, dtype=torch.int8),
        "positive": torch.full(shape, value, dtype=torch.int8),
    }


def test_who_says_what_the_teacher_says_has_nothing_to_learn() -> None:
    said = maps(0)
    parts = taught_nuclei(said.clone(), truth(said, judged=False), everywhere=True)
    assert all(abs(float(part)) < 1e-5 for part in parts.values())
    other = taught_nuclei(maps(1), truth(said, judged=False), everywhere=True)
    assert all(float(part) > 0.01 for part in other.values())


def test_where_labels_judge_the_teacher_is_silent() -> None:
    student, judged = maps(1), truth(maps(0), judged=True)
    quiet = taught_nuclei(student, judged, everywhere=False)
    assert all(float(part) == 0 for part in quiet.values())
    loud = taught_nuclei(student, judged, everywhere=True)
    assert all(float(part) > 0 for part in loud.values())


def test_the_teacher_moves_the_student_towards_itself() -> None:
    said = maps(0)
    student = maps(1).requires_grad_()
    free = truth(said, judged=False)
    before = sum(taught_nuclei(student, free, everywhere=False).values())
    assert isinstance(before, Tensor)
    before.backward()  # type: ignore[no-untyped-call]
    assert student.grad is not None
    moved = student.detach() - 5 * student.grad
    after = sum(taught_nuclei(moved, free, everywhere=False).values())
    assert float(after) < float(before.detach())


def test_labels_and_teacher_are_both_told() -> None:
    def labels(maps: Tensor, _: object) -> dict[str, Tensor]:
        return {"nucleus": maps.sum() * 0}

    parts = nucleus_loss_taught(labels, KEEP)(maps(1), truth(maps(0), judged=False))
    assert set(parts) == {
        "nucleus",
        *(f"taught-{n}" for n in ("nucleus", "centre", "offset", "class", "positive")),
    }


def test_tissue_listens_where_nobody_labelled() -> None:
    said, student = maps(0)[:, :4], maps(1)[:, :4]

    def labels(logits: Tensor, _: object) -> dict[str, Tensor]:
        return {"tissue": logits.sum() * 0}

    loss = tissue_loss_taught(labels, KEEP)
    labelled = {"taught": said, "allowed": torch.ones((2, 16, 16), dtype=torch.uint8)}
    free = {"taught": said, "allowed": torch.zeros((2, 16, 16), dtype=torch.uint8)}
    assert float(loss(student, labelled)["taught"]) == 0
    assert float(loss(student, free)["taught"]) > 0.1
    assert abs(float(loss(said, free)["taught"])) < 1e-5
