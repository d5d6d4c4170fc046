"""Kernel parameters in /proc/sys, by sysctl(8)'s names."""

from dataclasses import dataclass

from tuned_vnet.kernel.sysfs import OnWrite, read_text, tell_nobody, write_text

_SWAP = str.maketrans("./", "/.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcSysctl:
    """Files below /proc/sys."""

    prefix: str = ""
    on_write: OnWrite = tell_nobody

    def get(self, name: str) -> str | None:
        """The value, with single spaces where the kernel has tabs; None where there is no such parameter."""
        text = read_text(self._file(name))
        return None if text is None else " ".join(text.split())

    def set(self, name: str, value: str) -> None:
        """Write the value. Raises KernelError: EINVAL for what the kernel does not take."""
        self.on_write(f"sysctl {name} {value}")
        write_text(self._file(name), value, what=f"sysctl {name}")

    def _file(self, name: str) -> str:
        return f"{self.prefix}/proc/sys/{path_of(name)}"


def path_of(name: str) -> str:
    """The path below /proc/sys, as sysctl(8) makes it: the first separator, dot or slash, is the one that counts.

    `net/ipv4/conf/ens1.100/forwarding` and `net.ipv4.conf.ens1/100.forwarding` are the same file.
    """
    first = next((character for character in name if character in "./"), ".")
    return name.translate(_SWAP) if first == "." else name
