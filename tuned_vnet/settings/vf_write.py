"""What all VF settings share: the change that writes an attribute of a VF through its PF, and the plan of a single one.

The change is a type of its own, so that the reconciler can hand all such writes of a device to the kernel in one go.
VF settings have no `observe`: a VfState for every VF is read at once with the PF's link.
"""

from dataclasses import dataclass

from tuned_vnet.change import Finding, Kernel, Outcome, Situation
from tuned_vnet.model import Device, VfAttribute, VfIndex, VfValue


@dataclass(frozen=True, slots=True, kw_only=True)
class SetVf:
    """RTM_NEWLINK with one attribute of one VF; `text` says it for people."""

    device: Device
    value: VfValue
    text: str

    def describe(self) -> str:
        return f"vf {self.value.vf}: {self.text}"

    def execute(self, kernel: Kernel) -> None:
        (error,) = kernel.link.set_vfs(self.device, [self.value])
        if error is not None:
            raise error


def plan_one(
    attribute: VfAttribute,
    *,
    desired: str | bool | None,
    observed: str | bool | None,
    vf: VfIndex,
    situation: Situation,
) -> Finding:
    """The finding for an attribute that is one word or switch, with its write where it differs."""
    finding = situation.compare(f"vf.{attribute}", desired, observed, vf=vf)
    if finding.outcome is not Outcome.DIFFERS or desired is None:
        return finding
    text = f"{attribute} {_word(observed)} -> {_word(desired)}"
    value = VfValue(vf=vf, attribute=attribute, value=desired)
    return finding.mended_by(SetVf(device=situation.device, value=value, text=text))


def _word(value: object) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
