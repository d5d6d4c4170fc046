"""Who answers a verb: the daemon, or, when there is none, the kernel. Only the latter is imported when it is needed."""

import os
import sys

from tuned_vnet.control.client import DaemonNotRunning, call
from tuned_vnet.ctl.source import Reply, Source
from tuned_vnet.errors import NotAllowedError
from tuned_vnet.model import Json

LOOK_TIMEOUT_S = 30.0
CHANGE_TIMEOUT_S = 330.0
"""A pass that makes VFs may take as long as a boot pass; see boot.LONGEST_S."""


class Daemon:
    """Asks the daemon over its socket."""

    def status(self, device: str | None) -> Reply:
        return call("Status", {"device": device}, timeout_s=LOOK_TIMEOUT_S)

    def verify(self, device: str | None) -> Reply:
        return call("Verify", {"device": device}, timeout_s=LOOK_TIMEOUT_S)

    def plan(self, device: str | None) -> Reply:
        return call("Plan", {"device": device}, timeout_s=LOOK_TIMEOUT_S)

    def apply(self, device: str | None, *, allow_disruption: bool) -> Reply:
        parameters: dict[str, Json] = {"device": device, "allow_disruption": allow_disruption}
        return call("Apply", parameters, timeout_s=CHANGE_TIMEOUT_S)

    def reload(self) -> Reply:
        """Only the daemon has something to read again."""
        return call("Reload", {}, timeout_s=CHANGE_TIMEOUT_S)

    def cat(self, device: str | None) -> Reply:
        return call("Cat", {"device": device}, timeout_s=LOOK_TIMEOUT_S)


def open_source() -> Source:
    """The daemon if it answers, else the kernel, which is said on standard error."""
    try:
        call("org.varlink.service.GetInfo", {}, timeout_s=LOOK_TIMEOUT_S)
    except DaemonNotRunning:
        print("tuned-vnet.service is not running; this is what the kernel says now.", file=sys.stderr)
        from tuned_vnet.ctl.direct import Direct

        return Direct()
    return Daemon()


def require_root(verb: str) -> None:
    """Raise NotAllowedError unless the caller is root."""
    if os.geteuid() != 0:
        raise NotAllowedError(f"{verb}: changing settings needs root", hint=f"sudo tuned-vnetctl {verb}")
