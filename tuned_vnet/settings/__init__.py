"""Everything a profile can say, one module for each section or VF setting.

Each module has the same parts in the same order: SECTION, STAGE, NEEDS_NETDEV and KEYS, the value, parse(), observe(),
plan(), and the changes. A setting is added by writing its module and naming it here; within a stage they are carried
out in this order.
"""

from types import ModuleType

from tuned_vnet.settings import (
    coalesce,
    flow_hash,
    irq,
    link,
    ring,
    sriov,
    sysctl,
    vf_link_state,
    vf_mac,
    vf_rate,
    vf_rss_query,
    vf_spoofchk,
    vf_trust,
    vf_vlan,
    xps,
)

DEVICE_SETTINGS: tuple[ModuleType, ...] = (link, sriov, ring, coalesce, flow_hash, irq, xps)
"""Sections of a device."""

VF_SETTINGS: tuple[ModuleType, ...] = (vf_vlan, vf_trust, vf_mac, vf_spoofchk, vf_link_state, vf_rss_query, vf_rate)
"""Keys of [[vf]], a few to a module. Trust comes before MAC: an untrusted VF may not change an address that is set."""

HOST_SETTINGS: tuple[ModuleType, ...] = (sysctl,)
"""Sections that are about the host and not about a device."""
