"""Messages of the ethtool netlink family for pyroute2, which lacks most of them. Imports pyroute2: import it late.

The tables follow enums ETHTOOL_A_RINGS_* and ETHTOOL_A_COALESCE_* in linux/ethtool_netlink.h, in the kernel's order;
each position is an attribute's number.
"""

from pyroute2.netlink import NLA_F_NESTED, genlmsg, nla


class EthtoolHeader(nla):
    """ETHTOOL_A_HEADER_*: which netdev."""

    nla_flags = NLA_F_NESTED
    nla_map = (
        ("ETHTOOL_A_HEADER_UNSPEC", "none"),
        ("ETHTOOL_A_HEADER_DEV_INDEX", "uint32"),
        ("ETHTOOL_A_HEADER_DEV_NAME", "asciiz"),
        ("ETHTOOL_A_HEADER_FLAGS", "uint32"),
    )


class RingsMessage(genlmsg):
    """ETHTOOL_MSG_RINGS_GET and _SET, as far as the numbers of descriptors."""

    nla_map = (
        ("ETHTOOL_A_RINGS_UNSPEC", "none"),
        ("ETHTOOL_A_RINGS_HEADER", "EthtoolHeader"),
        ("ETHTOOL_A_RINGS_RX_MAX", "uint32"),
        ("ETHTOOL_A_RINGS_RX_MINI_MAX", "uint32"),
        ("ETHTOOL_A_RINGS_RX_JUMBO_MAX", "uint32"),
        ("ETHTOOL_A_RINGS_TX_MAX", "uint32"),
        ("ETHTOOL_A_RINGS_RX", "uint32"),
        ("ETHTOOL_A_RINGS_RX_MINI", "uint32"),
        ("ETHTOOL_A_RINGS_RX_JUMBO", "uint32"),
        ("ETHTOOL_A_RINGS_TX", "uint32"),
    )
    EthtoolHeader = EthtoolHeader


class CoalesceMessage(genlmsg):
    """ETHTOOL_MSG_COALESCE_GET and _SET."""

    nla_map = (
        ("ETHTOOL_A_COALESCE_UNSPEC", "none"),
        ("ETHTOOL_A_COALESCE_HEADER", "EthtoolHeader"),
        ("ETHTOOL_A_COALESCE_RX_USECS", "uint32"),
        ("ETHTOOL_A_COALESCE_RX_MAX_FRAMES", "uint32"),
        ("ETHTOOL_A_COALESCE_RX_USECS_IRQ", "uint32"),
        ("ETHTOOL_A_COALESCE_RX_MAX_FRAMES_IRQ", "uint32"),
        ("ETHTOOL_A_COALESCE_TX_USECS", "uint32"),
        ("ETHTOOL_A_COALESCE_TX_MAX_FRAMES", "uint32"),
        ("ETHTOOL_A_COALESCE_TX_USECS_IRQ", "uint32"),
        ("ETHTOOL_A_COALESCE_TX_MAX_FRAMES_IRQ", "uint32"),
        ("ETHTOOL_A_COALESCE_STATS_BLOCK_USECS", "uint32"),
        ("ETHTOOL_A_COALESCE_USE_ADAPTIVE_RX", "uint8"),
        ("ETHTOOL_A_COALESCE_USE_ADAPTIVE_TX", "uint8"),
        ("ETHTOOL_A_COALESCE_PKT_RATE_LOW", "uint32"),
        ("ETHTOOL_A_COALESCE_RX_USECS_LOW", "uint32"),
        ("ETHTOOL_A_COALESCE_RX_MAX_FRAMES_LOW", "uint32"),
        ("ETHTOOL_A_COALESCE_TX_USECS_LOW", "uint32"),
        ("ETHTOOL_A_COALESCE_TX_MAX_FRAMES_LOW", "uint32"),
        ("ETHTOOL_A_COALESCE_PKT_RATE_HIGH", "uint32"),
        ("ETHTOOL_A_COALESCE_RX_USECS_HIGH", "uint32"),
        ("ETHTOOL_A_COALESCE_RX_MAX_FRAMES_HIGH", "uint32"),
        ("ETHTOOL_A_COALESCE_TX_USECS_HIGH", "uint32"),
        ("ETHTOOL_A_COALESCE_TX_MAX_FRAMES_HIGH", "uint32"),
        ("ETHTOOL_A_COALESCE_RATE_SAMPLE_INTERVAL", "uint32"),
        ("ETHTOOL_A_COALESCE_USE_CQE_MODE_TX", "uint8"),
        ("ETHTOOL_A_COALESCE_USE_CQE_MODE_RX", "uint8"),
        ("ETHTOOL_A_COALESCE_TX_AGGR_MAX_BYTES", "uint32"),
        ("ETHTOOL_A_COALESCE_TX_AGGR_MAX_FRAMES", "uint32"),
        ("ETHTOOL_A_COALESCE_TX_AGGR_TIME_USECS", "uint32"),
    )
    EthtoolHeader = EthtoolHeader
