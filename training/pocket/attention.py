"""Attention for narrow heads: attention.c compiled on first use, torch's own where there is no compiler."""

import ctypes
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

import torch
from torch.nn import functional as F

SOURCE = Path(__file__).with_name("attention.c")


def _load():
    """The compiled library, kept in the temporary folder under a hash of its source; None without a compiler."""
    name = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    library = Path(tempfile.gettempdir()) / f"pocket_attention_{name}.so"
    if not library.exists():
        beside = library.with_suffix(f".{os.getpid()}")
        flags = ["-O3", "-march=native", "-mprefer-vector-width=512", "-ffast-math", "-fopenmp", "-shared", "-fPIC"]
        try:
            subprocess.run([os.environ.get("CC", "cc"), *flags, SOURCE, "-o", beside, "-lm"], check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        beside.replace(library)
    return ctypes.CDLL(str(library))


_LIBRARY = _load()


def _call(function, tensors, numbers) -> bool:
    pointers = [ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors]
    return getattr(_LIBRARY, function)(*pointers, *(ctypes.c_long(n) for n in numbers)) == 0


class _Narrow(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, v, heads):
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
        count, rows, width = q.shape
        out, lse = torch.empty_like(q), q.new_empty(count, heads, rows)
        sizes = (count, rows, k.shape[1], heads, width // heads)
        if not _call("narrow_forward", (q, k, v, out, lse), sizes):
            raise ValueError(f"no attention for heads of {width // heads} and {k.shape[1]} keys")
        ctx.save_for_backward(q, k, v, out, lse)
        ctx.sizes = sizes
        return out

    @staticmethod
    def backward(ctx, gradient):
        q, k, v, out, lse = ctx.saved_tensors
        results = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        _call("narrow_backward", (q, k, v, out, lse, gradient.contiguous(), *results), ctx.sizes)
        return *results, None


def attention(q, k, v, heads: int):
    """q [N, T, C], k and v [N, S, C], C = heads * width -> [N, T, C]."""
    width = q.shape[-1] // heads
    fits = _LIBRARY is not None and q.dtype == torch.float32 and width in (4, 6, 8, 10, 12, 16) and k.shape[1] <= 2048
    if fits and q.device.type == "cpu":
        return _Narrow.apply(q, k, v, heads)

    def split(tensor):
        return tensor.unflatten(-1, (heads, -1)).transpose(1, 2)

    return F.scaled_dot_product_attention(split(q), split(k), split(v)).transpose(1, 2).flatten(2)
