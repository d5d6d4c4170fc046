"""With everything as desired `plan` is empty, and neither `apply` nor a second boot pass writes anything."""

from __future__ import annotations

import pytest

from tests.lab.expected import CONFIG, assert_as_profiled, install_profiles
from tests.lab.host import Host
from tests.lab.writes import traced_writes


@pytest.fixture(scope="module")
def settled(module_host: Host) -> Host:
    """A host on which everything is as desired, and the daemon runs."""
    install_profiles(module_host)
    # An audit in the middle of a test would be counted too.
    module_host.write(CONFIG, "[daemon]\naudit-interval = 3600\n")
    module_host.run("systemctl start tuned-vnet", check=True)
    assert_as_profiled(module_host)
    return module_host


def test_plan_prints_nothing(settled: Host) -> None:
    result = settled.run("tuned-vnetctl plan")
    assert (result.returncode, result.stdout) == (0, "")


def test_the_counter_counts(settled: Host) -> None:
    settled.run("ethtool -C ens1 rx-usecs 100; ethtool -N ens2 rx-flow-hash udp6 sd", check=True)
    settled.run(
        "echo 0 > /sys/class/net/ens2/queues/tx-0/xps_cpus; sysctl -q -w net.core.netdev_budget=300", check=True
    )
    with traced_writes(settled) as written:
        settled.run("tuned-vnetctl apply", check=True)
    assert sorted(written) == ["ethnl_default_set_doit", "ethtool_set_rxnfc", "kernfs_fop_write_iter", "proc_sys_write"]
    with traced_writes(settled) as written:
        settled.run("ip link set ens1 vf 3 spoofchk off", check=True)
        settled.eventually(lambda: settled.vf("ens1", 3).spoofchk, what="spoofchk is on again")
    assert len(written) == 1


def test_apply_writes_nothing(settled: Host) -> None:
    with traced_writes(settled) as written:
        result = settled.run("tuned-vnetctl apply", check=True)
    assert (written, result.stdout) == ([], "")


def test_a_second_boot_pass_writes_nothing(settled: Host) -> None:
    with traced_writes(settled) as written:
        settled.run("systemctl restart tuned-vnet", check=True)
    assert written == []


def test_after_the_daemon_was_killed_the_next_one_writes_nothing(settled: Host) -> None:
    settled.expect_warning("Main process exited|Failed with result")
    with traced_writes(settled) as written:
        settled.run("systemctl kill --signal=KILL --kill-whom=main tuned-vnet", check=True)
        settled.eventually(
            lambda: (
                settled.output("systemctl show --value -p NRestarts -p SubState tuned-vnet").split() == ["1", "running"]
            )
        )
    assert written == []


def test_without_a_daemon_apply_writes_nothing_either(settled: Host) -> None:
    settled.run("systemctl stop tuned-vnet", check=True)
    with traced_writes(settled) as written:
        result = settled.run("tuned-vnetctl apply", check=True)
    assert (written, result.stdout) == ([], "")
    assert "not running" in result.stderr
    assert_as_profiled(settled)
