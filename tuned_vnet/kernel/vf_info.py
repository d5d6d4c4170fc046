"""IFLA_VF_INFO: the attributes of a VF in rtnetlink messages, read and written.

Hard facts (net/core/rtnetlink.c of Linux 6.12):
 * IFLA_VFINFO_LIST has a 16-bit length that wraps silently: beyond 334 VFs without statistics (221 with them) the list
   seems to end early, though all VFs are there. They are read by their own lengths and IFLA_NUM_VF, which comes before.
 * What a driver does not report stays at -1 (spoofchk, trust, rss-query); rates, VLAN and link state stay at 0.
 * IFLA_VF_MAC holds 32 bytes whatever the address' length is, which IFLA_ADDRESS tells.
 * IFLA_VF_VLAN_LIST takes exactly one entry of 16 bytes, its protocol in network order; IFLA_VF_VLAN has no protocol.
"""

import socket
import struct
from collections.abc import Iterator

from tuned_vnet.kernel import uapi
from tuned_vnet.kernel.netlink import ATTRIBUTE, attribute, attributes
from tuned_vnet.model import VfAttribute, VfIndex, VfRate, VfState, VfValue, VfVlan

_SETTING = struct.Struct("=II")  # ifla_vf_spoofchk, _trust, _link_state, _rss_query_en: vf, setting
_RATE = struct.Struct("=III")  # ifla_vf_rate: vf, min_tx_rate, max_tx_rate
_VLAN = struct.Struct("=III")  # ifla_vf_vlan: vf, vlan, qos
_VLAN_INFO = struct.Struct("=IIIH2x")  # ifla_vf_vlan_info: vf, vlan, qos, vlan_proto
_MAC = struct.Struct("=I32s")  # ifla_vf_mac: vf, mac
_NOT_REPORTED = 0xFFFFFFFF

_LINK_STATES = {
    "auto": uapi.IFLA_VF_LINK_STATE_AUTO,
    "enable": uapi.IFLA_VF_LINK_STATE_ENABLE,
    "disable": uapi.IFLA_VF_LINK_STATE_DISABLE,
}
_LINK_STATE_WORDS = {number: word for word, number in _LINK_STATES.items()}
_PROTOCOLS = {"802.1q": uapi.ETH_P_8021Q, "802.1ad": uapi.ETH_P_8021AD}
_PROTOCOL_WORDS = {number: word for word, number in _PROTOCOLS.items()}
_SWITCHES = {
    VfAttribute.SPOOFCHK: uapi.IFLA_VF_SPOOFCHK,
    VfAttribute.TRUST: uapi.IFLA_VF_TRUST,
    VfAttribute.RSS_QUERY: uapi.IFLA_VF_RSS_QUERY_EN,
}

Span = tuple[int, int]


def encode_vf(value: VfValue) -> bytes:
    """IFLA_VFINFO_LIST with one attribute of one VF. Raises TypeError when value and attribute don't go together."""
    index, attribute_name, content = value.vf, value.attribute, value.value
    match attribute_name, content:
        case VfAttribute.MAC, str():
            payload = attribute(uapi.IFLA_VF_MAC, _MAC.pack(index, parse_mac(content)))
        case VfAttribute.LINK_STATE, str():
            payload = attribute(uapi.IFLA_VF_LINK_STATE, _SETTING.pack(index, _LINK_STATES[content]))
        case VfAttribute.RATE, VfRate():
            payload = attribute(uapi.IFLA_VF_RATE, _RATE.pack(index, content.min_tx, content.max_tx))
        case VfAttribute.VLAN, VfVlan():
            protocol = socket.htons(_PROTOCOLS[content.protocol])
            entry = attribute(uapi.IFLA_VF_VLAN_INFO, _VLAN_INFO.pack(index, content.vlan, content.qos, protocol))
            payload = attribute(uapi.IFLA_VF_VLAN_LIST, entry)
        case _, bool() if attribute_name in _SWITCHES:
            payload = attribute(_SWITCHES[attribute_name], _SETTING.pack(index, content))
        case _:
            raise TypeError(f"{attribute_name} does not take {content!r}")
    return attribute(uapi.IFLA_VFINFO_LIST, attribute(uapi.IFLA_VF_INFO, payload))


def decode_vfs(data: bytes, start: int, end: int, *, count: int, mac_length: int) -> Iterator[VfState]:
    """The VFs of a list whose first entry begins at `start`, at most `count`.

    `end` is the end of the message; the list's own may have wrapped.
    """
    for _ in range(count):
        if start + ATTRIBUTE.size > end:
            return
        length, kind = ATTRIBUTE.unpack_from(data, start)
        if kind & uapi.NLA_TYPE_MASK != uapi.IFLA_VF_INFO or length <= ATTRIBUTE.size or start + length > end:
            return
        found = {kind: (first, last) for kind, first, last in attributes(data, start + ATTRIBUTE.size, start + length)}
        start += length + (-length % 4)
        if (state := _decode_vf(data, found, mac_length)) is not None:
            yield state


def _decode_vf(data: bytes, found: dict[int, Span], mac_length: int) -> VfState | None:
    if uapi.IFLA_VF_MAC not in found:
        return None
    index, mac = _MAC.unpack_from(data, found[uapi.IFLA_VF_MAC][0])
    vlan, qos, protocol = _decode_vlan(data, found)
    rate = found.get(uapi.IFLA_VF_RATE)
    _, min_tx_rate, max_tx_rate = _RATE.unpack_from(data, rate[0]) if rate else (None, None, None)
    link_state = _decode_setting(data, found.get(uapi.IFLA_VF_LINK_STATE))
    return VfState(
        index=VfIndex(index),
        mac=format_mac(mac[:mac_length]),
        vlan=vlan,
        qos=qos,
        vlan_protocol=protocol,
        min_tx_rate=min_tx_rate,
        max_tx_rate=max_tx_rate,
        spoofchk=_decode_switch(data, found.get(uapi.IFLA_VF_SPOOFCHK)),
        trust=_decode_switch(data, found.get(uapi.IFLA_VF_TRUST)),
        link_state=None if link_state is None else _LINK_STATE_WORDS.get(link_state),
        rss_query=_decode_switch(data, found.get(uapi.IFLA_VF_RSS_QUERY_EN)),
    )


def _decode_vlan(data: bytes, found: dict[int, Span]) -> tuple[int | None, int | None, str | None]:
    if uapi.IFLA_VF_VLAN_LIST in found:
        for kind, start, _ in attributes(data, *found[uapi.IFLA_VF_VLAN_LIST]):
            if kind == uapi.IFLA_VF_VLAN_INFO:
                _, vlan, qos, protocol = _VLAN_INFO.unpack_from(data, start)
                # netdevsim says 0 until a VLAN was set; the kernel's own default is 802.1Q (rtnl_fill_vfinfo).
                return vlan, qos, _PROTOCOL_WORDS.get(socket.ntohs(protocol) or uapi.ETH_P_8021Q)
    if uapi.IFLA_VF_VLAN in found:
        _, vlan, qos = _VLAN.unpack_from(data, found[uapi.IFLA_VF_VLAN][0])
        return vlan, qos, None
    return None, None, None


def _decode_setting(data: bytes, span: Span | None) -> int | None:
    if span is None:
        return None
    setting: int = _SETTING.unpack_from(data, span[0])[1]
    return None if setting == _NOT_REPORTED else setting


def _decode_switch(data: bytes, span: Span | None) -> bool | None:
    setting = _decode_setting(data, span)
    return None if setting is None else bool(setting)


def parse_mac(text: str) -> bytes:
    """Bytes of an address in colon notation. Raises ValueError."""
    return bytes.fromhex(text.replace(":", " "))


def format_mac(address: bytes) -> str:
    """Colon notation, lower case."""
    return address.hex(":")
