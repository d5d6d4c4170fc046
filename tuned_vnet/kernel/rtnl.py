"""rtnetlink: netdevs, their VFs, and permanent addresses, through a codec of our own.

Hard facts:
 * VF data is left out of notifications and of requests without RTEXT_FILTER_VF; with statistics, the 16-bit length of
   the list wraps at 222 VFs, so they are left out. A request for one netdev, not a dump: that is 0.1 ms for 7 VFs.
 * Several VFs or attributes in one message are applied one after the other, and an error leaves the earlier ones
   applied (do_setvfinfo). So each attribute gets a message of its own; many messages go into one send(2).
"""

import errno
import struct
from collections.abc import Sequence

from tuned_vnet.errors import KernelError
from tuned_vnet.kernel import uapi
from tuned_vnet.kernel.netlink import ATTRIBUTE, Message, RequestSocket, attribute, attributes
from tuned_vnet.kernel.sysfs import OnWrite, tell_nobody
from tuned_vnet.kernel.vf_info import decode_vfs, encode_vf, format_mac
from tuned_vnet.model import Device, Link, VfValue

_IFINFOMSG = struct.Struct("=BxHiII")  # struct ifinfomsg: family, type, index, flags, change
_U32 = struct.Struct("=I")
_ETH_ALEN = 6
_WITHOUT_STATS = attribute(uapi.IFLA_EXT_MASK, _U32.pack(uapi.RTEXT_FILTER_SKIP_STATS))
_WITH_VFS = attribute(uapi.IFLA_EXT_MASK, _U32.pack(uapi.RTEXT_FILTER_VF | uapi.RTEXT_FILTER_SKIP_STATS))


class RtnlLink:
    """Links of this network namespace; used in one thread. The socket is opened when it is needed first."""

    def __init__(self, *, on_write: OnWrite = tell_nobody) -> None:
        self._requests = RequestSocket(uapi.NETLINK_ROUTE)
        self._on_write = on_write

    def close(self) -> None:
        """Close the socket."""
        self._requests.close()

    def get(self, device: Device) -> Link | None:
        """The device's netdev with its VFs; None when it has none, or it has gone. Raises KernelError."""
        if device.ifindex is None:
            return None
        try:
            reply = self._requests.get(
                uapi.RTM_GETLINK, _ifinfomsg(device.ifindex) + _WITH_VFS, what=f"link {device.ifname}"
            )
        except KernelError as error:
            if error.errno == errno.ENODEV:
                return None
            raise
        return decode_link(reply)

    def permanent_macs(self) -> dict[int, str]:
        """The permanent address of each netdev that has one, by ifindex (IFLA_PERM_ADDRESS). Raises KernelError."""
        found: dict[int, str] = {}
        for message in self._requests.dump(uapi.RTM_GETLINK, _ifinfomsg(0) + _WITHOUT_STATS, what="links"):
            index = _IFINFOMSG.unpack_from(message.data, message.start)[2]
            for kind, start, end in attributes(message.data, message.start + _IFINFOMSG.size, message.end):
                if kind == uapi.IFLA_PERM_ADDRESS:
                    found[index] = format_mac(message.data[start:end])
                    break
        return found

    def set(
        self, device: Device, *, up: bool | None = None, mtu: int | None = None, txqueuelen: int | None = None
    ) -> None:
        """Set what is given, in one message. Raises KernelError; what the kernel had applied before stays."""
        given = {"up": up, "mtu": mtu, "txqueuelen": txqueuelen}
        what = "link " + " ".join(f"{name} {int(value)}" for name, value in given.items() if value is not None)
        if device.ifindex is None:
            raise KernelError(errno.ENODEV, what)
        payload = _ifinfomsg(device.ifindex, up=up)
        payload += b"" if mtu is None else attribute(uapi.IFLA_MTU, _U32.pack(mtu))
        payload += b"" if txqueuelen is None else attribute(uapi.IFLA_TXQLEN, _U32.pack(txqueuelen))
        self._on_write(f"{device.id}: {what}")
        for error in self._requests.write(uapi.RTM_SETLINK, [payload], [what]):
            if error is not None:
                raise error

    def set_vfs(self, device: Device, values: Sequence[VfValue]) -> tuple[KernelError | None, ...]:
        """Write each value in a message of its own, in order; the error of one does not stop the others.

        Raises KernelError when the socket fails, so that it is not known which were written.
        """
        whats = [f"vf {value.vf} {value.attribute}" for value in values]
        if device.ifindex is None:
            return tuple(KernelError(errno.ENODEV, what) for what in whats)
        header = _ifinfomsg(device.ifindex)
        payloads = [header + encode_vf(value) for value in values]
        for what in whats:
            self._on_write(f"{device.id}: {what}")
        return tuple(self._requests.write(uapi.RTM_SETLINK, payloads, whats))


def decode_link(message: Message) -> Link:
    """Read an RTM_NEWLINK. All that is read here but the VFs comes before them (rtnl_fill_ifinfo)."""
    data, end = message.data, message.end
    _family, _type, ifindex, flags, _change = _IFINFOMSG.unpack_from(data, message.start)
    start = message.start + _IFINFOMSG.size
    found: dict[int, bytes] = {}
    while start + ATTRIBUTE.size <= end:
        length, kind = ATTRIBUTE.unpack_from(data, start)
        if kind & uapi.NLA_TYPE_MASK == uapi.IFLA_VFINFO_LIST or length < ATTRIBUTE.size:
            break
        found[kind] = data[start + ATTRIBUTE.size : start + length]
        start += length + (-length % 4)
    mac_length = len(found.get(uapi.IFLA_ADDRESS, b"")) or _ETH_ALEN
    count = _number(found, uapi.IFLA_NUM_VF)
    return Link(
        ifindex=ifindex,
        ifname=found.get(uapi.IFLA_IFNAME, b"").rstrip(b"\0").decode(),
        up=bool(flags & uapi.IFF_UP),
        carrier=bool(flags & uapi.IFF_LOWER_UP),
        mtu=_number(found, uapi.IFLA_MTU),
        min_mtu=_number(found, uapi.IFLA_MIN_MTU),
        max_mtu=_number(found, uapi.IFLA_MAX_MTU) or None,  # 0: the driver names none
        txqueuelen=_number(found, uapi.IFLA_TXQLEN),
        vfs=tuple(decode_vfs(data, start + ATTRIBUTE.size, end, count=count, mac_length=mac_length)),
    )


def _ifinfomsg(ifindex: int, *, up: bool | None = None) -> bytes:
    """struct ifinfomsg; `up` changes the one flag, which the last field is the mask of."""
    return _IFINFOMSG.pack(0, 0, ifindex, uapi.IFF_UP if up else 0, 0 if up is None else uapi.IFF_UP)


def _number(found: dict[int, bytes], kind: int) -> int:
    value: int = _U32.unpack(found[kind])[0] if kind in found else 0
    return value
