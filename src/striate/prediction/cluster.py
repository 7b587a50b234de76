"""Ray: the cluster that RAY_ADDRESS names, or one on this machine; nothing is reported.

Told not to report its use, Ray still asks the network where it runs, and reports of a cluster that
it was told so. The process that does has no other purpose where there is no dashboard: it is not
started here. Nothing else imports Ray.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Generator
from typing import Any

from striate.data.decoding.files import complaints
from striate.distributed.launch import usable_cores
from striate.errors import GroupError, OptionError, printable

_ADDRESS = "RAY_ADDRESS"
_SECONDS = 5.0  #: in which a cluster must answer
_LEAST_STORE = 10**8  #: bytes of shared memory; Ray takes no less than 75 MB
_AGAIN = "repeat the command, which goes on where it was"


def import_ray() -> Any:
    """Import Ray Data, that reports nothing. Raises OptionError without it."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # else Ray warns of its own actors
    if not os.environ.get(_ADDRESS):  # its ports are open to the network, so it is given a secret
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        ray = importlib.import_module("ray")
        data = importlib.import_module("ray.data")
    except ModuleNotFoundError as error:
        if error.name not in ("ray", "pandas", "pyarrow"):
            raise
        raise OptionError(
            f"this needs {error.name}, which is not installed: pip install 'striate[cluster]'"
        ) from error
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    return ray


@contextlib.contextmanager
def connected(ray: Any, workers: int | None, held: int) -> Generator[int]:
    """Use a cluster within the block; yield how many workers of a core it has room for.

    Without RAY_ADDRESS one is started on this machine, with shared memory for `held` bytes.
    Raises OptionError if no cluster answers, GroupError if it fails.
    """
    with contextlib.ExitStack() as opened:
        if not ray.is_initialized():
            if os.environ.get(_ADDRESS):
                _join(ray)
            else:
                place = tempfile.mkdtemp(prefix="striate-", dir="/tmp")
                opened.callback(shutil.rmtree, place, ignore_errors=True)
                _start(ray, place, max(usable_cores(), workers or 1), held)
            opened.callback(ray.shutdown)
        try:
            yield workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        except ray.exceptions.RayTaskError:  # an error of ours, with its traceback
            raise
        except ray.exceptions.RayError as error:
            reason, *_ = str(error).strip().splitlines() or [type(error).__name__]
            raise GroupError(f"Ray has failed: {printable(reason, 200)}; {_AGAIN}") from error


def _start(ray: Any, place: str, cores: int, held: int) -> None:
    """Start Ray on this machine; its sockets and what it logs are in a folder."""
    services: Any = importlib.import_module("ray._private.services")
    services.start_api_server = lambda *_, **__: ("", None)  # pyright: ignore
    with complaints():
        ray.init(
            address="local",
            num_cpus=cores,
            include_dashboard=False,
            object_store_memory=_LEAST_STORE + 2 * held,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _temp_dir=place,
            _system_config={"worker_niceness": 0},
        )


def _join(ray: Any) -> None:
    address = os.environ[_ADDRESS]
    try:
        host, _, port = address.removeprefix("ray://").rpartition(":")
        if host:
            socket.create_connection((host, int(port)), _SECONDS).close()
        with complaints():
            ray.init(log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, ValueError) as error:
        raise OptionError(
            f"RAY_ADDRESS is {printable(address, 100)}, where no cluster answers; start one with "
            "ray start --head, or unset RAY_ADDRESS to use this machine alone"
        ) from error
