"""The fields that choose a receive queue, by flow type, through the ethtool ioctl.

Hard facts:
 * Up to Linux 6.15 netlink does not know them (net/ethtool/rss.c), so the ioctl is used, which stays.
 * The short struct of three fields is enough without an RSS context (ethtool_rxnfc_copy_struct).
 * ethtool(8) means AH and ESP together by `ah4` and `esp4` (AH_ESP_V4_FLOW), the same for IPv6.
 * Drivers answer EOPNOTSUPP where they have no such thing, EINVAL for a flow type they don't know, and EINVAL also for
   fields they can't do.
"""

import array
import errno
import fcntl
import socket
import struct

from tuned_vnet.errors import KernelError
from tuned_vnet.kernel import uapi
from tuned_vnet.model import Device

_IFREQ = struct.Struct("=16sQ16x")
_RXNFC = struct.Struct("=IIQ")  # the head of struct ethtool_rxnfc: cmd, flow_type, data
_FLOW_TYPES = {
    "tcp4": uapi.TCP_V4_FLOW,
    "udp4": uapi.UDP_V4_FLOW,
    "ah4": uapi.AH_ESP_V4_FLOW,
    "esp4": uapi.AH_ESP_V4_FLOW,
    "sctp4": uapi.SCTP_V4_FLOW,
    "tcp6": uapi.TCP_V6_FLOW,
    "udp6": uapi.UDP_V6_FLOW,
    "ah6": uapi.AH_ESP_V6_FLOW,
    "esp6": uapi.AH_ESP_V6_FLOW,
    "sctp6": uapi.SCTP_V6_FLOW,
}
_FIELDS = {
    "m": uapi.RXH_L2DA,
    "v": uapi.RXH_VLAN,
    "t": uapi.RXH_L3_PROTO,
    "s": uapi.RXH_IP_SRC,
    "d": uapi.RXH_IP_DST,
    "f": uapi.RXH_L4_B_0_1,
    "n": uapi.RXH_L4_B_2_3,
    "e": uapi.RXH_GTP_TEID,
    "l": uapi.RXH_IP6_FL,
    "r": uapi.RXH_DISCARD,
}
_NO_SUCH_THING = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENODEV)


def read(device: Device, flow_type: str) -> str | None:
    """The hashed fields in ethtool(8)'s letters and order; None where the driver has no such thing.

    Raises KernelError.
    """
    try:
        data = _ioctl(device, uapi.ETHTOOL_GRXFH, flow_type, 0)
    except KernelError as error:
        if error.errno in _NO_SUCH_THING:
            return None
        raise
    return "".join(letter for letter, bit in _FIELDS.items() if data & bit)


def write(device: Device, flow_type: str, fields: str) -> None:
    """Choose the hashed fields. Raises KernelError."""
    _ioctl(device, uapi.ETHTOOL_SRXFH, flow_type, sum(_FIELDS[letter] for letter in set(fields)))


def _ioctl(device: Device, command: int, flow_type: str, data: int) -> int:
    what = f"flow-hash {flow_type}"
    if device.ifname is None:
        raise KernelError(errno.ENODEV, what)
    rxnfc = array.array("B", _RXNFC.pack(command, _FLOW_TYPES[flow_type], data))
    ifreq = _IFREQ.pack(device.ifname.encode(), rxnfc.buffer_info()[0])
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, uapi.NETLINK_ROUTE) as any_socket:
            fcntl.ioctl(any_socket, uapi.SIOCETHTOOL, ifreq)
    except OSError as error:
        raise KernelError(error.errno or errno.EIO, what) from error
    result: int = _RXNFC.unpack(rxnfc)[2]
    return result
