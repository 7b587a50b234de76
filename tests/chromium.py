"""A headless Chromium that a test opens a page in, gives files to and asks, over a pipe."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = "chromium", "chromium-browser", "google-chrome"
BROWSER = next(filter(None, map(shutil.which, NAMES)), "")
FLAGS = "--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"


class Page:
    """A page that is open."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read, self._rest, self._count = write, read, b"", 0
        self._session, self._loaded = "", False
        self.addresses: list[str] = []  #: of all requests
        self.messages: list[str] = []  #: on the console, with errors that nothing caught

    def open(self, file: Path, width: int = 900, height: int = 700) -> None:
        size = {"width": width, "height": height, "newWindow": True}
        target = self.call("Target.createTarget", url="about:blank", **size)
        attached = self.call("Target.attachToTarget", flatten=True, **target)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log", "DOM"):
            self.call(f"{domain}.enable")
        self._loaded = False
        self.call("Page.navigate", url=file.as_uri())
        while not self._loaded:
            self._keep(**self._next())

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Return what the browser answers; what it tells meanwhile is kept."""
        self._count += 1
        asked = {"id": self._count, "method": method, "params": params}
        asked |= {"sessionId": self._session} if self._session else {}
        os.write(self._write, json.dumps(asked).encode() + b"\0")
        while (told := self._next()).get("id") != self._count:
            self._keep(**told)
        assert "error" not in told, told
        return told["result"]

    def ask(self, script: str) -> Any:
        """Return the value of a script, awaited."""
        found = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def choose(self, selector: str, *files: Path) -> None:
        """Choose files in an input, as a visitor does."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=list(map(str, files)))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            came = os.read(self._read, 2**20)
            assert came, "the browser is gone"
            self._rest += came
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def _keep(self, method: str, params: dict[str, Any], **_: Any) -> None:
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Network.requestWillBeSent":
            self.addresses.append(params["request"]["url"])
        elif method == "Runtime.consoleAPICalled":
            self.messages.append(str([each.get("value") for each in params["args"]]))
        elif method == "Runtime.exceptionThrown":
            self.messages.append(params["exceptionDetails"]["exception"]["description"])
        elif method == "Log.entryAdded":
            self.messages.append(params["entry"]["text"])


@contextmanager
def opened(file: Path, folder: Path, **sides: int) -> Iterator[Page]:
    """Open a page in a browser that has this folder for itself."""
    (read, to_browser), (from_browser, write) = os.pipe(), os.pipe()
    page = Page(to_browser, from_browser)
    os.set_inheritable(read, True)
    os.set_inheritable(write, True)
    shell = f'exec "$0" "$@" 3<&{read} 4>&{write}'
    command = ["bash", "-c", shell, BROWSER, *FLAGS, "--remote-debugging-pipe"]
    command += [f"--user-data-dir={folder / 'profile'}"]
    home = {**os.environ, "HOME": str(folder)}
    with subprocess.Popen(
        command, env=home, pass_fds=(read, write), stderr=subprocess.DEVNULL
    ) as browser:
        os.close(read)
        os.close(write)
        try:
            page.open(file, **sides)
            yield page
        finally:
            browser.terminate()
            os.close(to_browser)
            os.close(from_browser)
