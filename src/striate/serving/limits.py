"""Limits of a server: what a request may be, how long it may take, and how many are held."""

from __future__ import annotations

from dataclasses import dataclass

HEAD_BYTES = 16_384  #: of request line and header fields
HEAD_FIELDS = 100
PARTS = 64  #: images of a request
NAME_CHARACTERS = 255  #: of the name of an image that are shown
MOST_TOP = 1000


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server takes; seconds are of the clock."""

    batch: int = 32  #: images computed together
    #: seconds for which a decoded image waits for others
    wait: float = 0.005
    queue: int = 512  #: images that wait or are computed; beyond it 429
    connections: int = 1024  #: beyond it 503
    body: int = 32 * 10**6  #: bytes of a request
    held: int = 256 * 10**6  #: bytes of all requests together; beyond it 503
    largest_megabytes: int = 200  #: memory for decoding an image
    decoders: int = 2  #: processes
    head_seconds: float = 10.0  #: until a head is complete
    body_seconds: float = 30.0  #: until a body is complete
    idle_seconds: float = 15.0  #: between requests of a connection
    write_seconds: float = 30.0  #: until an answer is taken
    linger_seconds: float = 2.0  #: for which a refused client's rest is read, and thrown away
    decode_seconds: float = 20.0  #: for an image
    compute_seconds: float = 60.0  #: for a batch
    start_seconds: float = 120.0  #: until the model is loaded
    drain_seconds: float = 30.0  #: until all is answered, after SIGTERM

    @property
    def slots(self) -> int:
        """How many decoded images are held: two batches, and those being decoded."""
        return 2 * (self.batch + self.decoders)
