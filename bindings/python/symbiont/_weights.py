"""Weights as safetensors: NumPy arrays, PyTorch tensors, anything with a buffer."""

from __future__ import annotations

import os
from typing import Any, Mapping

from . import _core

_TYPES = {"d": "F64", "f": "F32", "e": "F16", "q": "I64", "l": "I64", "i": "I32", "h": "I16",
          "b": "I8", "B": "U8", "?": "BOOL"}
# Python has no bfloat16: its bits are given as 16-bit numbers.
_FORMATS = {"F64": "d", "F32": "f", "F16": "e", "BF16": "H", "I64": "q", "I32": "i", "I16": "h",
            "I8": "b", "U8": "B", "BOOL": "?"}


def _buffer_of(value: Any) -> tuple[memoryview, str | None]:
    if not hasattr(value, "detach"):
        return memoryview(value), None
    tensor = value.detach().cpu()
    if str(tensor.dtype) == "torch.bfloat16":
        return memoryview(tensor.contiguous().view(__import__("torch").int16).numpy()), "BF16"
    return memoryview(tensor.numpy()), None


def _tensor(name: str, value: Any) -> tuple[str, str, list[int], bytes]:
    buffer, kind = _buffer_of(value)
    kind = kind or _TYPES.get(buffer.format.lstrip("<=@"))
    if kind is None:
        raise TypeError(f"{name}: found numbers of format {buffer.format!r}, "
                        f"expected one of {', '.join(sorted(set(_TYPES.values())))}")
    return name, kind, list(buffer.shape), buffer.tobytes()


def save_weights(path: str | os.PathLike[str], tensors: Mapping[str, Any]) -> None:
    """Writes named tensors, such as a ``state_dict()``, as a safetensors file: all or nothing."""
    _core.save_safetensors(os.fspath(path), [_tensor(*item) for item in tensors.items()])


def load_weights(path: str | os.PathLike[str]) -> dict[str, memoryview]:
    """The tensors of a safetensors file, by name, in the file's order.

    ``numpy.asarray(view)`` is an array of it, ``torch.tensor(numpy.asarray(view))`` a tensor.
    """
    loaded = {}
    for name, kind, shape, data in _core.load_safetensors(os.fspath(path)):
        view = memoryview(data)
        empty = 0 in shape  # which no view can have
        loaded[name] = view.cast(_FORMATS[kind]) if empty else view.cast(_FORMATS[kind], shape)
    return loaded
