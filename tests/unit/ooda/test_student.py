"""Student's t against tables that were printed long before this code, and against SciPy."""

from __future__ import annotations

import pytest
from scipy import stats

from ooda.detect.student import beyond, far_end

TABLE = {  # Student's own distribution's upper points, as every textbook's appendix has them
    (0.05, 1): 6.314,
    (0.025, 2): 4.303,
    (0.01, 5): 3.365,
    (0.005, 10): 3.169,
    (0.05, 30): 1.697,
    (0.025, 120): 1.980,
}


@pytest.mark.parametrize(("share", "freedom"), sorted(TABLE))
def test_the_far_end_is_the_printed_one(share: float, freedom: int) -> None:
    assert far_end(share, freedom) == pytest.approx(TABLE[share, freedom], abs=6e-4)
    assert beyond(far_end(share, freedom), freedom) == pytest.approx(share)


@pytest.mark.parametrize("share", [1e-6, 0.00135, 0.4])
def test_it_is_scipys(share: float) -> None:
    for freedom in (*range(1, 40), 199, 1000):
        assert far_end(share, freedom) == pytest.approx(stats.t.isf(share, freedom), rel=1e-8), freedom


@pytest.mark.parametrize(("share", "freedom"), [(0.05, 0), (0.0, 5), (0.5, 5), (float("nan"), 5)])
def test_what_has_no_end_is_refused(share: float, freedom: int) -> None:
    with pytest.raises(ValueError, match="no such end"):
        far_end(share, freedom)
