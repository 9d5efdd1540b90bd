"""Trees of LightGBM, evaluated by its own library without its Python package.

The package imports SciPy and more: a new process paid a fifth of its first forecast for that, and 25 MB.
What forecasts needs four functions of the library (LightGBM, "C API"); they give what the package gives.
Training uses the package.
"""

from __future__ import annotations

import ctypes
import importlib.util
import weakref
from functools import cache
from pathlib import Path

import numpy as np

from ona.runtime.words import counted
from ona.sky.sun import Floats

_FLOAT32, _BY_ROW, _VALUES, _ALL = 0, 1, 0, -1
"""C_API_DTYPE_FLOAT32, is_row_major, C_API_PREDICT_NORMAL, and all iterations."""
_ONE_THREAD = b"num_threads=1"


class NoTrees(ValueError):
    """A text is no model of LightGBM, or does not take these features."""


@cache
def _library() -> ctypes.CDLL:
    """LightGBM's shared library, as its package would load it. Raises OSError where there is none."""
    package = importlib.util.find_spec("lightgbm")
    if package is None or package.origin is None:
        raise OSError("LightGBM is not installed")
    found = sorted(Path(package.origin).parent.glob("*/lib_lightgbm.*"))
    if not found:
        raise OSError(f"{package.origin} has no lib_lightgbm beside it")
    library = ctypes.CDLL(str(found[0]))
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    return library


def _call(name: str, *arguments: object) -> None:
    library = _library()
    if getattr(library, name)(*arguments) != 0:
        raise NoTrees(str(library.LGBM_GetLastError().decode(errors="replace")))


class Trees:
    """One booster with one output, read from its text. Raises NoTrees for a text that is none."""

    def __init__(self, text: str) -> None:
        self._handle, number = ctypes.c_void_p(), ctypes.c_int()
        body = text.encode()
        _call("LGBM_BoosterLoadModelFromString", body, ctypes.byref(number), ctypes.byref(self._handle))
        weakref.finalize(self, _library().LGBM_BoosterFree, self._handle)

    def predict(self, rows: np.ndarray) -> Floats:
        """What the trees say of rows of features (float32, NaN where missing), shape (n, p) to (n,).

        Raises NoTrees where p is not what they were trained on.
        """
        table = np.ascontiguousarray(rows, dtype=np.float32)
        size, said = ctypes.c_int64(), ctypes.c_int64()
        rest = (_VALUES, 0, _ALL)
        _call("LGBM_BoosterCalcNumPredict", self._handle, len(table), *rest, ctypes.byref(size))
        out = np.empty(size.value, dtype=np.float64)
        values, places = table.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p)
        shape = (_FLOAT32, len(table), table.shape[1], _BY_ROW)
        _call(
            "LGBM_BoosterPredictForMat",
            self._handle,
            values,
            *shape,
            *rest,
            _ONE_THREAD,
            ctypes.byref(said),
            places,
        )
        if said.value != len(out) or len(out) != len(table):
            raise NoTrees(f"{counted(said.value, 'value')} for {counted(len(table), 'row')}")
        return out
