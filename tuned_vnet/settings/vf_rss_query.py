"""[[vf]] rss-query: whether the VF may read the RSS table and hash key (ixgbe), as `ip link set DEV vf N` sets it."""

from collections.abc import Iterator
from dataclasses import dataclass

from tuned_vnet.change import Finding, Situation, Stage
from tuned_vnet.model import VfAttribute, VfState
from tuned_vnet.profiles.table import Boolean, Key, Table
from tuned_vnet.settings.vf_write import plan_one

STAGE = Stage.VF
KEYS = (Key(name="rss-query", kind=Boolean(), help="whether the VF may read the RSS table and hash key (ixgbe)"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class RssQuery:
    """On or off."""

    rss_query: bool | None = None


def parse(table: Table) -> RssQuery:
    """Read the key of a [[vf]]."""
    return RssQuery(**table.pick(KEYS))


def plan(desired: RssQuery, observed: VfState, situation: Situation) -> Iterator[Finding]:
    """One write."""
    if desired.rss_query is not None:
        yield plan_one(
            VfAttribute.RSS_QUERY,
            desired=desired.rss_query,
            observed=observed.rss_query,
            vf=observed.index,
            situation=situation,
        )
