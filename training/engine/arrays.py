"""Names for the array types that cross the engine's borders. Holds no logic."""

from typing import Any

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
AnyArray = npt.NDArray[Any]
Tensors = dict[str, AnyArray]
Settings = dict[str, Any]

DAY = 86_400.0  # seconds
