"""What is in the emulated host: packages, and the few files that make Debian a test host.

Values only; `image` puts them to use. Everything that makes the host boot faster under software
emulation without changing what is under test (libvirt, udev, systemd, the igb driver) is here as well.
"""

from __future__ import annotations

SUITE = "trixie"
HOSTNAME = "lab"

PACKAGES = (
    # the system
    "linux-image-amd64",
    "systemd",
    "systemd-sysv",
    "udev",
    "dbus",
    "apt",
    "kmod",
    "procps",
    "openssh-server",
    # a KVM host
    "libvirt-daemon-system",
    "libvirt-daemon-driver-qemu",
    "libvirt-clients",
    "qemu-system-x86",
    # what tests look with
    "ethtool",
    "iproute2",
    "pciutils",
    "strace",
    # what tuned-vnet depends on, so that apt can install the package without a network
    "python3",
    "python3-pyroute2",
    "python3-psutil",
    "python3-pyudev",
    "python3-systemd",
    "python3-tomli",
    "python3-rich",
    # what tuned-vnet lives with or is compared to
    "irqbalance",
    "tuned",
    # the nested guest
    "busybox-static",
)

# Directory of the nested guest's kernel and initramfs inside the host.
GUEST_DIRECTORY = "/var/lib/tuned-vnet-lab"

# The one link to the outside is known by its MAC; it is no SR-IOV port.
MANAGEMENT_MAC = "52:54:00:00:00:01"
MANAGEMENT_ADDRESS = "10.0.2.15/24"

# MODULES=list: the generic initramfs is 38 MB, and unpacking it costs seconds under emulation.
INITRAMFS_CONF = {
    "/etc/initramfs-tools/conf.d/lab": "MODULES=list\nCOMPRESS=lz4\n",
    "/usr/share/initramfs-tools/modules.d/lab": "virtio_blk\nvirtio_pci\next4\n",
}

FILES = {
    "/etc/hostname": f"{HOSTNAME}\n",
    "/etc/hosts": f"127.0.0.1 localhost {HOSTNAME}\n::1 localhost\n",
    "/etc/fstab": "",
    "/etc/systemd/network/10-management.link": (f"[Match]\nMACAddress={MANAGEMENT_MAC}\n\n[Link]\nName=mgmt0\n"),
    "/etc/systemd/system/lab-management.service": (
        "[Unit]\n"
        "Description=The link that the lab's ssh comes in by\n"
        "After=sys-subsystem-net-devices-mgmt0.device network-pre.target\n"
        "BindsTo=sys-subsystem-net-devices-mgmt0.device\n"
        "Before=network.target\n\n"
        "[Service]\n"
        "Type=oneshot\n"
        "RemainAfterExit=yes\n"
        "ExecStart=ip link set mgmt0 up\n"
        f"ExecStart=ip address replace {MANAGEMENT_ADDRESS} dev mgmt0\n\n"
        "[Install]\n"
        "WantedBy=multi-user.target\n"
    ),
    # Cheap key exchange and no PAM: each connection is made under software emulation.
    "/etc/ssh/sshd_config.d/lab.conf": (
        "UsePAM no\nUseDNS no\nPrintMotd no\nPrintLastLog no\nPermitRootLogin prohibit-password\n"
        "HostKey /etc/ssh/ssh_host_ed25519_key\nMaxSessions 100\n"
        # Looking whether sshd is there yet is not an attack, else it shuts us out for 15 s.
        "PerSourcePenalties no\nMaxStartups 100\n"
    ),
    "/etc/systemd/journald.conf.d/lab.conf": "[Journal]\nStorage=persistent\nRateLimitBurst=0\n",
    # No AppArmor in the host; the console's file is written by QEMU itself, not by a second daemon.
    "/etc/libvirt/qemu.conf": ('security_driver = "none"\nstdio_handler = "file"\n'),
    # Guests without a disk do not listen to the power button; a reboot must not wait 5 minutes for them.
    "/etc/default/libvirt-guests": "ON_BOOT=ignore\nON_SHUTDOWN=shutdown\nSHUTDOWN_TIMEOUT=5\n",
    "/root/.bashrc": "alias ll='ls -l'\n",
    "/root/.hushlogin": "",
}

ENABLED = ("lab-management.service", "ssh.service")
DISABLED = ("irqbalance.service", "tuned.service", "sshd-keygen.service")
MASKED = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "fstrim.timer",
    "logrotate.timer",
    "systemd-tmpfiles-clean.timer",
    "getty@tty1.service",
    "serial-getty@ttyS0.service",
    "systemd-pstore.service",
    "systemd-timesyncd.service",
)
