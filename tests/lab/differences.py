"""The lab's profiles held against what ip, ethtool, sysfs and procfs show, told as text.

For programs that go on after a difference, or are no tests and have no pytest to take their assertions apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

from tests.lab.expected import SYSCTLS, look, profiled_port
from tests.lab.host import Host
from tests.lab.machine import PORTS
from tests.lab.ssh import CommandFailed


def differences(host: Host, *, other_mac: str | None = None) -> Iterator[str]:
    """What is otherwise than the profiles say, of both ports, their VFs and the host.

    `other_mac` is a guest's, which any VF may have: which one is libvirt's choice.
    """
    for port in PORTS:
        try:
            seen, wanted = look(host, port.ifname), profiled_port(port)
        except CommandFailed as error:
            yield str(error)
            continue
        for name in (field.name for field in fields(wanted)):
            if name != "vfs" and getattr(seen, name) != getattr(wanted, name):
                yield f"{port.ifname}: {name} {getattr(seen, name)}"
        if len(seen.vfs) != len(wanted.vfs):
            yield f"{port.ifname}: ip shows {len(seen.vfs)} VFs"
        for index, (vf, policy) in enumerate(zip(seen.vfs, wanted.vfs, strict=False)):
            if vf not in (policy, replace(policy, mac=other_mac or policy.mac)):
                yield f"{port.ifname}: VF {index} is {vf}"
    for name, value in SYSCTLS.items():
        if (now := host.sysctl(name)) != value:
            yield f"{name} is {now}"


def check(host: Host) -> None:
    """Raise AssertionError with everything that is otherwise."""
    if found := list(differences(host)):
        raise AssertionError("\n".join(found))
