import numpy as np
import pytest

from bnbench.data.datasets import digits
from bnbench.errors import DataError


def test_digits_are_small_images() -> None:
    parsed = digits.parse((), digits.SHA256)
    assert (parsed.x.shape, parsed.x.dtype, parsed.y.dtype) == ((1797, 8, 8, 1), np.uint8, np.int32)
    assert (parsed.x.min(), parsed.x.max()) == (0, 16)
    assert np.bincount(parsed.y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert parsed.test_rows == 0
    assert parsed.x[0, 0, :, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_another_content_is_refused() -> None:
    with pytest.raises(DataError, match="scikit-learn's digits: not the published content"):
        digits.parse((), "0" * 64)
