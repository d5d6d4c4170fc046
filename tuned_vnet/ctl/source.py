"""What verbs may ask, whoever answers: the daemon over its socket, or this process from the kernel itself.

Both answer with the same objects, those of io.tunedvnet.
"""

from collections.abc import Mapping
from typing import Any, Protocol

Reply = Mapping[str, Any]


class Source(Protocol):
    """The methods of io.tunedvnet that verbs use; `device` None means all."""

    def status(self, device: str | None) -> Reply: ...
    def verify(self, device: str | None) -> Reply: ...
    def plan(self, device: str | None) -> Reply: ...
    def apply(self, device: str | None, *, allow_disruption: bool) -> Reply: ...
    def cat(self, device: str | None) -> Reply: ...
