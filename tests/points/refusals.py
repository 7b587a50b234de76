"""The message of an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def refusal(kind: type[Exception], function: Callable[..., Any], *args: Any, **named: Any) -> str:
    """The message of the error that a call raises."""
    with pytest.raises(kind) as error:
        function(*args, **named)
    return str(error.value)
