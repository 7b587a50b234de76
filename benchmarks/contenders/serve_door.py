"""The connections of `striate serve`, which take a body and answer at once: serve_door.py PORT."""

from __future__ import annotations

import asyncio
import sys

from striate.serving.answers import Response, as_json
from striate.serving.connection import Connection
from striate.serving.head import Head
from striate.serving.limits import Limits


class Door:
    """Answers with the length of a body."""

    def __init__(self) -> None:
        self.limits = Limits()
        self.connections = set[Connection]()
        self.held = 0
        self.draining = False

    def most_bytes(self, _head: Head) -> int:
        return self.limits.body

    def answer_at_once(self, _head: Head) -> Response | None:
        return None

    async def answer(self, _head: Head, content: bytes) -> Response:
        return as_json({"bytes": len(content)})

    def count(self, head: Head | None, status: int, seconds: float) -> None:
        pass


async def main() -> None:
    door = Door()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(door), "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
