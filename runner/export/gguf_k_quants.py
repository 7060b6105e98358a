"""Quantize weights to GGUF's Q4_K and Q6_K, which the gguf package only reads, and choose types as llama.cpp's Q4_K_M.

Scales and minima are searched by weighted least squares over some candidates, as llama.cpp's own quantizer does without
an importance matrix; the packing is the inverse of the gguf package's reading. Pure.
"""

from __future__ import annotations

from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

Weights = np.ndarray[Any, Any]
BLOCK = 256
_CHUNK = 4096
"""How many blocks are in work at once, for the memory."""
_CANDIDATES = np.linspace(-1.0, 1.0, 21)
"""By how much the largest quant of a group may differ from the type's own, as the scale is searched."""


def type_in_q4_k_m(name: str, rows: tuple[int, ...], layers: int, tied: bool) -> Type:
    """The type that llama.cpp gives a tensor in Q4_K_M.

    Rows that no whole number of blocks of 256 fits take the next larger simple type.

    Args:
        name: the tensor's name in GGUF.
        layers: how many the model has.
        tied: whether the token embedding is the output layer too.
    """
    kind = Type.Q6_K if _is_sensitive(name, layers, tied) else Type.Q4_K
    if rows[-1] % BLOCK:
        kind = {Type.Q6_K: Type.Q8_0, Type.Q4_K: Type.Q5_0}[kind]
    return kind if rows[-1] % gguf.GGML_QUANT_SIZES[kind][0] == 0 else Type.F16


def _is_sensitive(name: str, layers: int, tied: bool) -> bool:
    if name.startswith("output.") or (tied and name.startswith("token_embd.")):
        return True
    parts = name.split(".")
    if parts[0] != "blk" or parts[2] not in ("attn_v", "ffn_down"):
        return False
    at = int(parts[1])
    return at < layers // 8 or at >= 7 * layers // 8 or (at - layers // 8) % 3 == 2


def quantized(weights: Weights, kind: Type) -> Weights:
    """The bytes of a tensor, row by row.

    Args:
        kind: Q4_K or Q6_K.
    """
    blocks = weights.astype(np.float32).reshape(-1, BLOCK)
    work = {Type.Q4_K: _q4_k, Type.Q6_K: _q6_k}[kind]
    done = np.concatenate([work(blocks[at:at + _CHUNK]) for at in range(0, len(blocks), _CHUNK)])
    return done.reshape(*weights.shape[:-1], -1)


def _q4_k(blocks: Weights) -> Weights:
    groups = blocks.reshape(-1, 8, 32)
    scale, least = _scale_and_minimum(groups)
    half, half_least = (_fp16(one.max(axis=1, keepdims=True) / 63) for one in (scale, least))
    scales, leasts = _steps(scale, half), _steps(least, half_least)
    step, offset = (half * scales)[..., None], (half_least * leasts)[..., None]
    quants = np.rint(_ratio(groups + offset, step)).clip(0, 15).astype(np.uint8)
    pairs = quants.reshape(-1, 4, 2, 32)
    low, high = scales[:, :4] | scales[:, 4:] >> 4 << 6, leasts[:, :4] | leasts[:, 4:] >> 4 << 6
    rest = scales[:, 4:] & 15 | (leasts[:, 4:] & 15) << 4
    return np.concatenate([_bytes(half), _bytes(half_least), low, high, rest,
                           (pairs[:, :, 0] | pairs[:, :, 1] << 4).reshape(-1, BLOCK // 2)], axis=1)


def _q6_k(blocks: Weights) -> Weights:
    groups = blocks.reshape(-1, 16, 16)
    scale = _symmetric_scale(groups)
    widest = np.take_along_axis(scale, np.abs(scale).argmax(axis=1, keepdims=True), axis=1)
    half = _fp16(widest / -128)
    scales = np.rint(_ratio(scale, half)).clip(-128, 127).astype(np.int8)
    step = (half * scales)[..., None]
    quants = (np.rint(_ratio(groups, step)).clip(-32, 31) + 32).astype(np.uint8).reshape(-1, 2, 4, 32)
    low = np.stack([quants[:, :, 0] & 15 | (quants[:, :, 2] & 15) << 4,
                    quants[:, :, 1] & 15 | (quants[:, :, 3] & 15) << 4], axis=2)
    shifts = np.array([0, 2, 4, 6], np.uint8).reshape(1, 1, 4, 1)
    high = np.bitwise_or.reduce(quants >> 4 << shifts, axis=2)
    return np.concatenate([low.reshape(-1, BLOCK // 2), high.reshape(-1, BLOCK // 4), scales.view(np.uint8),
                           _bytes(half)], axis=1)


def _scale_and_minimum(groups: Weights) -> tuple[Weights, Weights]:
    """Scale and negated minimum of each group for quants from 0 to 15: the candidates with the least weighted error."""
    importance = np.sqrt((groups ** 2).mean(axis=-1, keepdims=True)) + np.abs(groups)
    least, most = np.minimum(groups.min(axis=-1), 0), groups.max(axis=-1)
    best_scale, best_least = (most - least) / 15, -least
    error = _error(groups, importance, best_scale, best_least)
    total, first = importance.sum(axis=-1), (importance * groups).sum(axis=-1)
    for more in _CANDIDATES:
        quants = np.rint(_ratio(groups - least[..., None], ((most - least) / (15 + more))[..., None])).clip(0, 15)
        weighted = importance * quants
        one, two, mixed = weighted.sum(axis=-1), (weighted * quants).sum(axis=-1), (weighted * groups).sum(axis=-1)
        determinant = total * two - one * one
        scale = _ratio(total * mixed - first * one, determinant)
        offset = _ratio(two * first - one * mixed, determinant)
        scale = np.where(offset > 0, _ratio(mixed, two), scale)
        found = -np.minimum(offset, 0)
        new = _error(groups, importance, scale, found)
        better = (determinant > 0) & (new < error) & (scale > 0)
        best_scale, best_least, error = (np.where(better, ours, old) for ours, old in (
            (scale, best_scale), (found, best_least), (new, error)))
    return best_scale, best_least


def _error(groups: Weights, importance: Weights, scale: Weights, least: Weights) -> Weights:
    quants = np.rint(_ratio(groups + least[..., None], scale[..., None])).clip(0, 15)
    error: Weights = (importance * (quants * scale[..., None] - least[..., None] - groups) ** 2).sum(axis=-1)
    return error


def _symmetric_scale(groups: Weights) -> Weights:
    """Scale of each group for quants from -32 to 31; the largest weight's sign is that of the quant -32."""
    importance = groups ** 2
    largest = np.take_along_axis(groups, np.abs(groups).argmax(axis=-1, keepdims=True), axis=-1)[..., 0]
    best, gain = np.zeros_like(largest), np.zeros_like(largest)
    for more in np.concatenate([[0.0], np.arange(-9, 10) * 0.1]):
        quants = np.rint(_ratio(groups, (largest / -(32 + more))[..., None])).clip(-32, 31)
        mixed, two = (importance * groups * quants).sum(axis=-1), (importance * quants ** 2).sum(axis=-1)
        new = _ratio(mixed * mixed, two)  # how much of the weighted square this scale explains
        best, gain = np.where(new > gain, _ratio(mixed, two), best), np.maximum(new, gain)
    return best


def _steps(values: Weights, step: Weights) -> Weights:
    return np.rint(_ratio(values, step)).clip(0, 63).astype(np.uint8)


def _ratio(values: Weights, by: Weights) -> Weights:
    """Divide; 0 where the divisor is 0."""
    return np.divide(values, by, out=np.zeros(np.broadcast_shapes(values.shape, by.shape), np.float32),
                     where=by != 0)


def _fp16(values: Weights) -> Weights:
    return values.astype(np.float16).astype(np.float32)


def _bytes(values: Weights) -> Weights:
    return values.astype(np.float16).view(np.uint8)
