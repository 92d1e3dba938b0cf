"""The operators that an exported network may use: arithmetic on tensors, and nothing else."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import torch

_ATEN = (
    # arithmetic, point by point
    "abs add add_ addcmul bitwise_and bitwise_not bitwise_or ceil clamp clamp_ clamp_max clamp_min "
    "clone cos detach detach_ div div_ dropout dropout_ elu elu_ eq exp floor floor_divide ge gelu "
    "gelu_ gt hardsigmoid hardsigmoid_ hardswish hardswish_ hardtanh hardtanh_ le leaky_relu "
    "leaky_relu_ lift_fresh_copy log logical_and logical_not logical_or lt masked_fill "
    "masked_fill_ maximum minimum mish mish_ mul mul_ ne neg pow prelu reciprocal relu relu_ relu6 "
    "remainder round rsqrt rsub sigmoid sigmoid_ sign silu silu_ sin softplus sqrt square sub sub_ "
    "tanh tanh_ to type_as where _to_copy "
    # sums over tensors
    "amax amin argmax cumsum linalg_vector_norm log_softmax logsumexp max mean min norm softmax "
    "std sum topk var var_mean _softmax _log_softmax "
    # layers
    "adaptive_avg_pool2d adaptive_max_pool2d addmm avg_pool2d baddbmm batch_norm bmm conv2d "
    "conv_transpose2d convolution einsum embedding group_norm instance_norm layer_norm linear "
    "matmul max_pool2d max_pool2d_with_indices mm native_batch_norm native_group_norm "
    "native_layer_norm rms_norm scaled_dot_product_attention "
    "_native_batch_norm_legit_no_training _adaptive_avg_pool2d "
    # shape and place
    "alias arange cat chunk constant_pad_nd contiguous copy expand expand_as flatten flip full "
    "full_like gather index index_select linspace meshgrid movedim narrow new_full new_ones "
    "new_zeros ones ones_like pad permute pixel_shuffle pixel_unshuffle reflection_pad2d repeat "
    "repeat_interleave replication_pad2d reshape roll rot90 scalar_tensor select slice split "
    "split_with_sizes squeeze stack swapaxes t tile transpose unbind unflatten "
    "unsafe_chunk unsafe_split unsqueeze upsample_bicubic2d upsample_bilinear2d "
    "upsample_nearest2d view view_as zeros zeros_like _unsafe_view grid_sampler_2d "
    # sizes, and what the export asserts of them
    "sym_numel sym_size sym_stride sym_constrain_range sym_constrain_range_for_size "
    "_assert_async _assert_scalar _assert_tensor_metadata"
)
ATEN: Final = frozenset(_ATEN.split())
"""Names in torch's own library, ``aten``. None reads a file, loads a module or runs code."""
_OPERATOR = "add sub mul floordiv truediv mod neg pow eq ne lt le gt ge and_ or_ not_ getitem"
NUMBERS: Final[Mapping[str, Any]] = MappingProxyType(
    {f"_operator.{name}": getattr(operator, name) for name in _OPERATOR.split()}
    | {f"math.{name}": getattr(math, name) for name in ("ceil", "floor", "sqrt", "trunc")}
    | {
        f"torch.sym_{name}": getattr(torch, f"sym_{name}")
        for name in ("float", "int", "ite", "max", "min", "not")
    }
)
"""Operators on sizes."""
TARGET: Final = re.compile(r"torch\.ops\.aten\.(\w+)\.(\w+)")


def operator_of(target: str) -> Any:
    """What a node calls; ``ValueError`` where it is not on the list."""
    if target in NUMBERS:
        return NUMBERS[target]
    named = TARGET.fullmatch(target)
    if named is not None and named[1] in ATEN and not named[2].endswith("out"):  # writes elsewhere
        packet = getattr(torch.ops.aten, named[1])
        if named[2] in packet.overloads():  # a packet is a Python object with methods of its own
            return getattr(packet, named[2])
    raise ValueError(f"operator {target[:80]!r} is not on the list of pathology")


def changes_its_first(target: str) -> bool:
    """Whether an operator writes into its first argument; torch marks those by a last ``_``."""
    named = TARGET.fullmatch(target)
    return named is not None and named[1].endswith("_")
