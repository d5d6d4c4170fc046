"""ethtool: rings and coalescing through its netlink family with pyroute2, flow hash through the ioctl.

Hard facts:
 * The kernel sends a coalescing parameter when the driver supports it or it isn't zero (net/ethtool/coalesce.c); a
   write checks it against the driver's list and says `cannot modify an unsupported parameter`.
 * It sends a ring when its maximum isn't zero (net/ethtool/rings.c), and drivers round: 1001 becomes 1008 on igb.
 * Replies to all commands have the family's one message type, so pyroute2 can't tell which class reads them: each
   class has a socket of its own.
"""

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuned_vnet.errors import KernelError
from tuned_vnet.kernel import flow_hash, uapi
from tuned_vnet.kernel.pyroute import kernel_errors, load_pyroute2
from tuned_vnet.kernel.sysfs import OnWrite, tell_nobody
from tuned_vnet.model import Device, Rings

_NAMES = {
    "rx-usecs": "RX_USECS",
    "rx-frames": "RX_MAX_FRAMES",
    "rx-usecs-irq": "RX_USECS_IRQ",
    "rx-frames-irq": "RX_MAX_FRAMES_IRQ",
    "tx-usecs": "TX_USECS",
    "tx-frames": "TX_MAX_FRAMES",
    "tx-usecs-irq": "TX_USECS_IRQ",
    "tx-frames-irq": "TX_MAX_FRAMES_IRQ",
    "stats-block-usecs": "STATS_BLOCK_USECS",
    "adaptive-rx": "USE_ADAPTIVE_RX",
    "adaptive-tx": "USE_ADAPTIVE_TX",
    "pkt-rate-low": "PKT_RATE_LOW",
    "rx-usecs-low": "RX_USECS_LOW",
    "rx-frames-low": "RX_MAX_FRAMES_LOW",
    "tx-usecs-low": "TX_USECS_LOW",
    "tx-frames-low": "TX_MAX_FRAMES_LOW",
    "pkt-rate-high": "PKT_RATE_HIGH",
    "rx-usecs-high": "RX_USECS_HIGH",
    "rx-frames-high": "RX_MAX_FRAMES_HIGH",
    "tx-usecs-high": "TX_USECS_HIGH",
    "tx-frames-high": "TX_MAX_FRAMES_HIGH",
    "sample-interval": "RATE_SAMPLE_INTERVAL",
    "cqe-mode-tx": "USE_CQE_MODE_TX",
    "cqe-mode-rx": "USE_CQE_MODE_RX",
    "tx-aggr-max-bytes": "TX_AGGR_MAX_BYTES",
    "tx-aggr-max-frames": "TX_AGGR_MAX_FRAMES",
    "tx-aggr-time-usecs": "TX_AGGR_TIME_USECS",
}
_SWITCHES = frozenset({"adaptive-rx", "adaptive-tx", "cqe-mode-rx", "cqe-mode-tx"})
_NO_SUCH_THING = (errno.EOPNOTSUPP, errno.ENODEV)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """Something that is read and set as one: its commands, its class of messages and its attributes' names."""

    message_class: str
    stem: str
    get: int
    set: int


_RINGS = _Subject(
    message_class="RingsMessage", stem="RINGS", get=uapi.ETHTOOL_MSG_RINGS_GET, set=uapi.ETHTOOL_MSG_RINGS_SET
)
_COALESCE = _Subject(
    message_class="CoalesceMessage",
    stem="COALESCE",
    get=uapi.ETHTOOL_MSG_COALESCE_GET,
    set=uapi.ETHTOOL_MSG_COALESCE_SET,
)


class Ethtool:
    """The ethtool settings of netdevs; used in one thread. Sockets are opened when they are needed first."""

    def __init__(self, *, on_write: OnWrite = tell_nobody) -> None:
        self._sockets: dict[_Subject, Any] = {}
        self._on_write = on_write

    def close(self) -> None:
        """Close the sockets."""
        while self._sockets:
            self._sockets.popitem()[1].close()

    def get_rings(self, device: Device) -> Rings | None:
        """Descriptors per ring; None where the device has no rings to set, or no netdev. Raises KernelError."""
        reply = self._get(_RINGS, device)
        if reply is None:
            return None
        return Rings(
            rx=reply.get_attr("ETHTOOL_A_RINGS_RX"),
            tx=reply.get_attr("ETHTOOL_A_RINGS_TX"),
            rx_max=reply.get_attr("ETHTOOL_A_RINGS_RX_MAX"),
            tx_max=reply.get_attr("ETHTOOL_A_RINGS_TX_MAX"),
        )

    def set_rings(self, device: Device, *, rx: int | None = None, tx: int | None = None) -> None:
        """Set the given rings, in descriptors. The port goes down and up on most drivers. Raises KernelError."""
        given = {"RX": rx, "TX": tx}
        values = {name: value for name, value in given.items() if value is not None}
        what = "ring " + " ".join(f"{name.lower()} {value}" for name, value in values.items())
        self._set(_RINGS, device, values, what)

    def get_coalesce(self, device: Device) -> Mapping[str, int | bool] | None:
        """The parameters that the driver has, by ethtool(8)'s names; None where it has none. Raises KernelError."""
        reply = self._get(_COALESCE, device)
        if reply is None:
            return None
        sent = {name: reply.get_attr(f"ETHTOOL_A_COALESCE_{suffix}") for name, suffix in _NAMES.items()}
        return {name: bool(value) if name in _SWITCHES else value for name, value in sent.items() if value is not None}

    def set_coalesce(self, device: Device, values: Mapping[str, int | bool]) -> None:
        """Set the given parameters together. Raises KernelError."""
        what = "coalesce " + " ".join(f"{name} {int(value)}" for name, value in values.items())
        numbers = {_NAMES[name]: int(value) for name, value in values.items()}
        self._set(_COALESCE, device, numbers, what)

    def get_flow_hash(self, device: Device, flow_type: str) -> str | None:
        """The hashed fields of a flow type in ethtool(8)'s letters; None where the driver has no such thing."""
        return flow_hash.read(device, flow_type)

    def set_flow_hash(self, device: Device, flow_type: str, fields: str) -> None:
        """Choose the hashed fields of a flow type. Raises KernelError."""
        self._on_write(f"{device.id}: flow-hash {flow_type} {fields}")
        flow_hash.write(device, flow_type, fields)

    def _get(self, subject: _Subject, device: Device) -> Any:  # noqa: ANN401
        if device.ifindex is None:
            return None
        try:
            (reply,) = self._request(subject, subject.get, device.ifindex, {}, what=subject.stem.lower())
        except KernelError as error:
            if error.errno in _NO_SUCH_THING:
                return None
            raise
        return reply

    def _set(self, subject: _Subject, device: Device, values: Mapping[str, int], what: str) -> None:
        if device.ifindex is None:
            raise KernelError(errno.ENODEV, what)
        self._on_write(f"{device.id}: {what}")
        self._request(subject, subject.set, device.ifindex, values, what=what)

    def _request(
        self, subject: _Subject, command: int, ifindex: int, values: Mapping[str, int], *, what: str
    ) -> tuple[Any, ...]:
        load_pyroute2()
        from pyroute2.netlink import NLM_F_ACK, NLM_F_REQUEST

        from tuned_vnet.kernel import ethtool_messages

        message = getattr(ethtool_messages, subject.message_class)()
        message["cmd"] = command
        message["version"] = uapi.ETHTOOL_GENL_VERSION
        message["attrs"] = [
            (f"ETHTOOL_A_{subject.stem}_HEADER", {"attrs": [("ETHTOOL_A_HEADER_DEV_INDEX", ifindex)]}),
            *((f"ETHTOOL_A_{subject.stem}_{name}", value) for name, value in values.items()),
        ]
        flags = NLM_F_REQUEST | NLM_F_ACK if values else NLM_F_REQUEST
        with kernel_errors(what):
            opened = self._open(subject, type(message))
            return tuple(opened.nlm_request(message, msg_type=opened.prid, msg_flags=flags))

    def _open(self, subject: _Subject, message_class: type) -> Any:  # noqa: ANN401
        if subject not in self._sockets:
            from pyroute2.netlink.generic import GenericNetlinkSocket

            opened = GenericNetlinkSocket(ext_ack=True)
            opened.bind(uapi.ETHTOOL_GENL_NAME, message_class)
            self._sockets[subject] = opened
        return self._sockets[subject]
