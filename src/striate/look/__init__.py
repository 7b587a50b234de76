"""Looking inside: what a trained network has learned, as pictures and as arrays.

Names are loaded when they are first used, as most need torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from striate.look.feature_maps import draw_feature_maps as draw_feature_maps
    from striate.look.filters import draw_filters as draw_filters

_HOMES = {
    "draw_feature_maps": "striate.look.feature_maps",
    "draw_filters": "striate.look.filters",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"striate.look has no {name!r}; it offers {', '.join(_HOMES)}")
    return getattr(importlib.import_module(_HOMES[name]), name)
