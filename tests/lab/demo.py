"""`make demo`: the whole story on an emulated host, from libvirt's error to a guest whose VF stays as it should be.

What a person would type is typed, what came back is shown, and each claim is checked with ip(8) and virsh(1) while it
is made. The exit status is 0 only if all of them came true.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.guest import PoolInterface
from tests.lab.host import CHECKOUT, Host, newest_package
from tests.lab.session import run_program, temporary_host
from tests.lab.steps import step

NETWORK, GUEST, PORT, NUMVFS = "sriov-int", "g1", "ens1", 7
PROFILE = "/etc/tuned-vnet/profiles.d/50-sriov.toml"
NO_VFS = "No usable Vf's present on SRIOV PF ens1"
RATE = 1000  # Mbit/s, as README.md's profile has it
WIDTH = 118

# Breaks a VF and looks until it is mended, all in the host: a look from outside takes a third of a second. The last
# line is the time in milliseconds, those before it are what the VF looked like.
BREAK = f"""
begin=$(date +%s%N)
ip link set {PORT} vf {{vf}} max_tx_rate 5 spoofchk off
for look in $(seq 500); do
    now=$(ip link show dev {PORT} | grep 'vf {{vf}} ')
    echo $now
    case $now in *max_tx_rate\\ {RATE}Mbps*spoof\\ checking\\ on*) break ;; esac
done | uniq
echo $((($(date +%s%N) - begin) / 1000000))
"""

# libvirt starts guests after it has told systemd that it is ready.
RUNNING = f"timeout 60 sh -c 'until virsh domstate {GUEST} | grep -q running; do sleep 0.2; done'"


@dataclass(slots=True)
class Stage:
    """Standard output: chapters, what is typed, what comes back, and what is claimed."""

    host: Host
    broken: list[str] = field(default_factory=list)
    _terminal: bool = field(default_factory=sys.stdout.isatty)

    def chapter(self, title: str) -> None:
        """A heading."""
        print(f"\n\n{self._style('1', title)}", flush=True)

    def say(self, text: str) -> None:
        """A paragraph for the reader."""
        print("\n" + textwrap.fill(text, WIDTH), flush=True)

    def type(self, command: str, *, shown: str | None = None) -> str:
        """Type a command in the host, show what it says, and return that."""
        print(f"\n{self._style('36', 'host# ')}{self._style('1', shown or command)}", flush=True)
        if self._terminal and command.startswith("tuned-vnetctl"):
            text = self._as_on_a_terminal(command)
        else:
            ended = self.host.run(command)
            text = ended.stdout + ended.stderr
        self.show(text)
        return text

    def show(self, text: str) -> None:
        """What came back, indented."""
        if text.strip():
            print(textwrap.indent(text.rstrip(), "  "), flush=True)

    def claim(self, text: str, came_true: object) -> None:
        """Say whether something that was promised is so."""
        if not came_true:
            self.broken.append(text)
        print(self._style("32", f"  ✓ {text}") if came_true else self._style("1;31", f"  ✗ NOT SO: {text}"), flush=True)

    def _style(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._terminal else text

    def _as_on_a_terminal(self, command: str) -> str:
        """Colours and frames are for terminals, so the command gets one."""
        arguments = self.host.connection.arguments()
        ssh = [*arguments[:-1], "-tt", arguments[-1], f"stty cols {WIDTH}; TERM=xterm-256color {command}"]
        output = subprocess.run(ssh, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return output.stdout.decode().replace("\r\n", "\n")


def main() -> int:
    """The demonstration; 0 when everything that it showed came true."""
    begin = time.monotonic()
    package = newest_package()
    print("tuned-vnet on an emulated KVM host with two Intel 82576 ports; nothing on this machine is changed.")
    with temporary_host("demo", step=step) as host:
        stage = Stage(host=host)
        show_the_pain(stage)
        install(stage, package)
        show_the_boot(stage)
        break_a_vf(stage)
        show_the_status(stage)
        with step("stopping the emulated host"):
            host.machine.stop()
    return end(stage, time.monotonic() - begin)


def show_the_pain(stage: Stage) -> None:
    """A reboot without tuned-vnet."""
    host = stage.host
    stage.chapter("1. Without tuned-vnet")
    stage.say(f"A libvirt network hands out the VFs of {PORT}, and a guest takes one; both are to start with the host.")
    host.network(NETWORK, pf=PORT).define(autostart=True)
    host.guest(GUEST).define(PoolInterface(network=NETWORK), autostart=True)
    with step("rebooting the host"):
        host.reboot()
    networks = stage.type("virsh net-list --all")
    guests = stage.type("virsh list --all")
    said = stage.type(f'journalctl -b -u libvirtd -o cat | grep -o "internal error: {NO_VFS[:9]}.*"')
    stage.claim(f"{NETWORK} is inactive after the reboot, though it is marked autostart", inactive(networks))
    stage.claim(f"{GUEST} does not run, though it is marked autostart", re.search(rf"{GUEST}\s+shut off", guests))
    stage.claim("libvirt says why: nobody had made VFs when it looked", NO_VFS in said)


def inactive(networks: str) -> bool:
    return re.search(rf"{NETWORK}\s+inactive", networks) is not None


def install(stage: Stage, package: Path) -> None:
    """What an administrator does once."""
    host = stage.host
    stage.chapter("2. Install, say what the card shall look like, enable")
    with step(f"installing {package.name}"):
        host.install(package)
    print(f"\nhost# apt install ./{package.name}")
    enabled = host.run("systemctl is-enabled tuned-vnet; systemctl is-active tuned-vnet").stdout.split()
    stage.claim("it is installed, and has neither started nor enabled anything", enabled == ["disabled", "inactive"])
    host.write(PROFILE, readme_profile())
    stage.type(f"cat {PROFILE}")
    checked = host.run("tuned-vnetctl check")
    stage.type("tuned-vnetctl check")
    stage.claim("the profile is valid", checked.returncode == 0)
    stage.type("systemctl enable tuned-vnet")
    with step("rebooting the host"):
        host.reboot()


def readme_profile() -> str:
    """The profile that README.md shows; what it promises is what is demonstrated."""
    text = (CHECKOUT / "README.md").read_text("utf-8")
    return text.partition("```toml\n")[2].partition("```")[0]


def show_the_boot(stage: Stage) -> None:
    """The same reboot with tuned-vnet."""
    host = stage.host
    network, guest = host.network(NETWORK, pf=PORT), host.guest(GUEST)
    stage.chapter("3. The same reboot with tuned-vnet")
    with step("waiting for the guest that starts with the host"):
        came = host.run(RUNNING).returncode == 0
    networks = stage.type("virsh net-list --all")
    stage.type("virsh list --all")
    stage.type(f"ip link show dev {PORT}")
    pool = network.pool() if not inactive(networks) else []
    made = [host.vf_address(PORT, index) for index in range(host.numvfs(PORT))]
    complete = len(pool) == NUMVFS and pool == made
    stage.claim(f"{NETWORK} is active, and its pool has the {NUMVFS} VFs of {PORT}", complete)
    addresses = guest.vf_addresses() if came else []
    stage.claim(f"{GUEST} runs on the VF {', '.join(addresses) or '(none)'}", came and set(addresses) & set(pool))
    vfs = [host.vf(PORT, index) for index in range(len(made))]
    as_asked = vfs and all(vf.spoofchk and vf.max_tx_rate == RATE for vf in vfs)
    stage.claim(f"every VF has its rate limit of {RATE} Mbit/s and its spoof check", as_asked)


def break_a_vf(stage: Stage) -> None:
    """Somebody changes the guest's VF by hand."""
    host = stage.host
    addresses = [host.vf_address(PORT, index) for index in range(NUMVFS)]
    vf = addresses.index(host.guest(GUEST).vf_addresses()[0])
    stage.chapter("4. Somebody changes the guest's VF by hand")
    cursor = host.cursor()
    print(f"\nhost# ip link set {PORT} vf {vf} max_tx_rate 5 spoofchk off")
    *looks, milliseconds = host.output(BREAK.format(vf=vf)).splitlines()
    print(f"\nhost# until it is mended: ip link show dev {PORT} | grep 'vf {vf} '")
    stage.show("\n".join(looks))
    now = host.vf(PORT, vf)
    stage.claim("rate and spoof check are what the profile says again", now.spoofchk and now.max_tx_rate == RATE)
    stage.claim(f"that took {int(milliseconds) / 1000:.2f} s, less than a second", int(milliseconds) < 1000)
    lines = stage.type(
        f"journalctl -u tuned-vnet -o cat --no-pager --after-cursor='{cursor}'",
        shown="journalctl -u tuned-vnet -o cat -n 2",
    ).splitlines()
    told = [line for line in lines if f"vf {vf}: spoofchk off -> on" in line]
    stage.claim("the journal has a line for each of the two", len(lines) == 2 and len(told) == 1)


def show_the_status(stage: Stage) -> None:
    """How it all stands."""
    stage.chapter("5. How everything stands")
    stage.type("tuned-vnetctl status")
    ended = stage.host.run("tuned-vnetctl status")
    stage.claim("everything is as desired (exit status 0)", ended.returncode == 0)


def end(stage: Stage, seconds: float) -> int:
    """The verdict."""
    stage.chapter("The end")
    if stage.broken:
        stage.say(f"{len(stage.broken)} of what was shown did not come true ({seconds:.0f} s):")
        for text in stage.broken:
            stage.show(f"✗ {text}")
        return 1
    stage.say(f"Everything came true, in {seconds:.0f} s. The emulated host is gone.")
    stage.say("To try things yourself in such a host: make lab-shell. On a real one: make deb, and see README.md.")
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
