"""rtnetlink messages as the kernel lays them out, also where its 16-bit length has wrapped."""

import struct

import pytest

from tuned_vnet.errors import KernelError
from tuned_vnet.kernel import uapi
from tuned_vnet.kernel.netlink import MESSAGE, Message, attribute, error_of, messages
from tuned_vnet.kernel.rtnl import decode_link
from tuned_vnet.kernel.vf_info import encode_vf
from tuned_vnet.model import VfAttribute, VfIndex, VfRate, VfState, VfValue, VfVlan

MINUS_ONE = 0xFFFFFFFF


def message(kind: int, payload: bytes, *, flags: int = 0) -> Message:
    data = MESSAGE.pack(MESSAGE.size + len(payload), kind, flags, 1, 0) + payload
    (found,) = messages(data)
    return found


def u32(*numbers: int) -> bytes:
    return struct.pack(f"={len(numbers)}I", *numbers)


def vf_info(index: int, *, spoofchk: int = 1, vlan: int = 0, protocol: bytes = b"\x81\x00") -> bytes:
    """One VF as rtnl_fill_vfinfo lays it out without statistics."""
    vlan_list = attribute(uapi.IFLA_VF_VLAN_INFO, u32(index, vlan, 3) + protocol + b"\0\0")
    return attribute(
        uapi.IFLA_VF_INFO,
        attribute(uapi.IFLA_VF_MAC, u32(index) + bytes.fromhex(f"52540000{index:04x}").ljust(32, b"\0"))
        + attribute(13, bytes(32))  # IFLA_VF_BROADCAST
        + attribute(uapi.IFLA_VF_VLAN, u32(index, vlan, 3))
        + attribute(uapi.IFLA_VF_RATE, u32(index, 10, 1000))
        + attribute(3, u32(index, 1000))  # IFLA_VF_TX_RATE
        + attribute(uapi.IFLA_VF_SPOOFCHK, u32(index, spoofchk))
        + attribute(uapi.IFLA_VF_LINK_STATE, u32(index, uapi.IFLA_VF_LINK_STATE_ENABLE))
        + attribute(uapi.IFLA_VF_RSS_QUERY_EN, u32(index, MINUS_ONE))
        + attribute(uapi.IFLA_VF_TRUST, u32(index, 0))
        + attribute(uapi.IFLA_VF_VLAN_LIST, vlan_list),
    )


def link_message(vfs: list[bytes], *, num_vf: int | None = None, after: bytes = b"") -> Message:
    """An RTM_NEWLINK as rtnl_fill_ifinfo lays it out; the list's length wraps as nla_nest_end lets it."""
    listed = b"".join(vfs)
    before = (
        struct.pack("=BxHiII", 0, 1, 7, uapi.IFF_UP | uapi.IFF_LOWER_UP, 0)
        + attribute(uapi.IFLA_IFNAME, b"ens1\0")
        + attribute(uapi.IFLA_TXQLEN, u32(1000))
        + attribute(uapi.IFLA_MTU, u32(1500))
        + attribute(uapi.IFLA_MIN_MTU, u32(68))
        + attribute(uapi.IFLA_MAX_MTU, u32(9216))
        + attribute(uapi.IFLA_ADDRESS, bytes(6))
        + attribute(uapi.IFLA_NUM_VF, u32(len(vfs) if num_vf is None else num_vf))
    )
    header = struct.pack("=HH", (4 + len(listed)) & 0xFFFF, uapi.IFLA_VFINFO_LIST)
    return message(uapi.RTM_NEWLINK, before + header + listed + after)


def test_netdev_is_read_with_its_limits() -> None:
    link = decode_link(link_message([]))
    assert (link.ifindex, link.ifname, link.up, link.carrier) == (7, "ens1", True, True)
    assert (link.mtu, link.min_mtu, link.max_mtu, link.txqueuelen, link.vfs) == (1500, 68, 9216, 1000, ())


def test_vf_is_read_attribute_by_attribute() -> None:
    (vf,) = decode_link(link_message([vf_info(0, vlan=42, protocol=b"\x88\xa8")])).vfs
    assert vf == VfState(
        index=VfIndex(0),
        mac="52:54:00:00:00:00",
        vlan=42,
        qos=3,
        vlan_protocol="802.1ad",
        min_tx_rate=10,
        max_tx_rate=1000,
        spoofchk=True,
        trust=False,
        link_state="enable",
        rss_query=None,
    )


def test_what_the_driver_does_not_report_is_none() -> None:
    (vf,) = decode_link(link_message([vf_info(0, spoofchk=MINUS_ONE)])).vfs
    assert (vf.spoofchk, vf.rss_query) == (None, None)


def test_netdevsims_vlan_protocol_zero_is_the_default() -> None:
    (vf,) = decode_link(link_message([vf_info(0, protocol=b"\0\0")])).vfs
    assert vf.vlan_protocol == "802.1q"


@pytest.mark.parametrize("count", [1, 128, 256, 334, 335, 400, 1024])
def test_all_vfs_are_read_though_the_length_wraps(count: int) -> None:
    after = attribute(26, bytes(200))  # IFLA_AF_SPEC
    link = decode_link(link_message([vf_info(index) for index in range(count)], after=after))
    assert [vf.index for vf in link.vfs] == list(range(count))
    assert link.vfs[-1].mac == f"52:54:00:00:{(count - 1) >> 8:02x}:{(count - 1) & 0xFF:02x}"


def test_vfs_that_the_driver_left_out_end_the_list() -> None:
    link = decode_link(link_message([vf_info(0), vf_info(2)], num_vf=7, after=attribute(26, bytes(200))))
    assert [vf.index for vf in link.vfs] == [0, 2]


def test_length_of_zero_does_not_lose_the_list() -> None:
    filler = attribute(uapi.IFLA_VF_INFO, bytes(65536 - 4 - len(vf_info(0)) - 4))
    link = decode_link(link_message([vf_info(0), filler]))
    assert [vf.index for vf in link.vfs] == [0]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (VfAttribute.MAC, "52:54:00:aa:00:01", (1, u32(5) + bytes.fromhex("525400aa0001").ljust(32, b"\0"))),
        (VfAttribute.SPOOFCHK, True, (4, u32(5, 1))),
        (VfAttribute.TRUST, False, (9, u32(5, 0))),
        (VfAttribute.RSS_QUERY, True, (7, u32(5, 1))),
        (VfAttribute.LINK_STATE, "disable", (5, u32(5, 2))),
        (VfAttribute.RATE, VfRate(min_tx=0, max_tx=300), (6, u32(5, 0, 300))),
        (
            VfAttribute.VLAN,
            VfVlan(vlan=42, qos=3, protocol="802.1ad"),
            (12, attribute(1, u32(5, 42, 3) + b"\x88\xa8\0\0")),
        ),
    ],
)
def test_each_attribute_is_written_as_the_kernel_reads_it(
    name: VfAttribute, value: str | bool | VfVlan | VfRate, expected: tuple[int, bytes]
) -> None:
    encoded = encode_vf(VfValue(vf=VfIndex(5), attribute=name, value=value))
    assert encoded == attribute(22, attribute(1, attribute(*expected)))


def test_value_of_another_attribute_is_not_written() -> None:
    with pytest.raises(TypeError, match="trust"):
        encode_vf(VfValue(vf=VfIndex(5), attribute=VfAttribute.TRUST, value="yes"))


def acknowledgement(code: int, *, flags: int = 0, tlvs: bytes = b"", request: bytes = b"") -> Message:
    original = MESSAGE.pack(MESSAGE.size + len(request), uapi.RTM_SETLINK, 5, 1, 0) + request
    return message(uapi.NLMSG_ERROR, struct.pack("=i", -code) + original + tlvs, flags=flags)


def test_acknowledgement_is_no_error() -> None:
    assert error_of(acknowledgement(0, flags=uapi.NLM_F_CAPPED), "vf 0 mac") is None


def test_error_has_the_kernels_own_text() -> None:
    tlvs = attribute(uapi.NLMSGERR_ATTR_MSG, b"mtu greater than device maximum\0")
    capped = uapi.NLM_F_CAPPED | uapi.NLM_F_ACK_TLVS
    error = error_of(acknowledgement(22, flags=capped, tlvs=tlvs), "link")
    assert isinstance(error, KernelError)
    assert (error.errno, error.what, error.text) == (22, "link", "mtu greater than device maximum")


def test_text_is_found_behind_a_whole_request() -> None:
    tlvs = attribute(uapi.NLMSGERR_ATTR_MSG, b"no\0")
    error = error_of(acknowledgement(22, flags=uapi.NLM_F_ACK_TLVS, tlvs=tlvs, request=bytes(21) + bytes(3)), "link")
    assert error is not None
    assert error.text == "no"


def test_error_without_text_has_none() -> None:
    error = error_of(acknowledgement(95), "vf 0 trust")
    assert error is not None
    assert (error.errno, error.text) == (95, None)
