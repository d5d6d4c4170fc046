"""[flow-hash]: which header fields choose the receive queue, as `ethtool -N DEV rx-flow-hash` sets them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tuned_vnet.change import Finding, Kernel, Outcome, Situation, Stage
from tuned_vnet.model import Device
from tuned_vnet.profiles.table import Key, Letters, Table

SECTION = "flow-hash"
STAGE = Stage.FLOW_HASH
NEEDS_NETDEV = True
FIELDS = "mvtsdfnelr"
"""ethtool(8)'s letters, in its order: L2 destination, VLAN, L3 protocol, source and destination address,
first and second half of the ports, GTP tunnel, IPv6 flow label, discard."""

FLOW_TYPES = ("tcp4", "udp4", "ah4", "esp4", "sctp4", "tcp6", "udp6", "ah6", "esp6", "sctp6")
SAME_FLOW = (("ah4", "esp4"), ("ah6", "esp6"))
"""Two names for one flow type (AH_ESP_V4_FLOW and AH_ESP_V6_FLOW of linux/ethtool.h)."""

KEYS = tuple(Key(name=name, kind=Letters(FIELDS), help=f"fields that are hashed for {name}") for name in FLOW_TYPES)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowHash:
    """Fields by flow type, in ethtool(8)'s letters."""

    fields: Mapping[str, str] = field(default_factory=dict)


def parse(table: Table) -> FlowHash:
    """Read [flow-hash]."""
    values = table.read(KEYS)
    for ah, esp in SAME_FLOW:
        if values[ah] is not None and values[esp] is not None and values[ah] != values[esp]:
            text = f"differs from {ah} ({table.where(ah)}), accepted is the same: the kernel has one setting for both"
            table.problems.add(table.where(esp), f"{table.name}.{esp}", text)
    return FlowHash(fields={key.name: values[key.field] for key in KEYS if values[key.field] is not None})


def observe(kernel: Kernel, device: Device, desired: FlowHash) -> Mapping[str, str | None]:
    """The fields of the flow types that are asked for; each is a call of its own."""
    return {flow_type: kernel.ethtool.get_flow_hash(device, flow_type) for flow_type in desired.fields}


def plan(desired: FlowHash, observed: Mapping[str, str | None], situation: Situation) -> Iterator[Finding]:
    """One write for each flow type."""
    for flow_type, wanted in desired.fields.items():
        finding = situation.compare(f"flow-hash.{flow_type}", wanted, observed[flow_type])
        if finding.outcome is Outcome.DIFFERS:
            before = str(finding.observed)
            change = SetFlowHash(device=situation.device, flow_type=flow_type, before=before, fields=wanted)
            finding = finding.mended_by(change)
        yield finding


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFlowHash:
    """ETHTOOL_SRXFH for one flow type."""

    device: Device
    flow_type: str
    before: str
    fields: str

    def describe(self) -> str:
        return f"flow-hash {self.flow_type} {self.before or 'none'} -> {self.fields or 'none'}"

    def execute(self, kernel: Kernel) -> None:
        kernel.ethtool.set_flow_hash(self.device, self.flow_type, self.fields)
