"""The functions behind the commands, loaded with torch in less time.

Python looks for cycles among what a library makes while it is loaded, and once more among all of it
when the process ends: 0.4 of the 1.7 seconds that loading torch and ending take.
"""

from __future__ import annotations

import gc

gc.disable()
try:
    from striate import verbs as verbs
finally:
    gc.freeze()
    gc.enable()
