#!/bin/sh
# What an administrator without tuned-vnet would have in rc.local: the lab's profiles with echo, ip and ethtool.
# `make bench` compares the boot pass with it. It does the work once, where nothing is set yet, and keeps nothing so.
set -e

# port NAME CPUS...: everything about a port but its VFs' policy.
port() {
    dev=$1
    shift
    until [ -e /sys/class/net/$dev ]; do
        sleep 0.1
    done
    echo 0 > /sys/class/net/$dev/device/sriov_drivers_autoprobe
    ip link set dev $dev up mtu 2000 txqueuelen 2500
    echo 7 > /sys/class/net/$dev/device/sriov_numvfs
    ethtool -G $dev rx 512 tx 1024
    ethtool -C $dev rx-usecs 10
    ethtool -N $dev rx-flow-hash udp4 sdfn
    ethtool -N $dev rx-flow-hash udp6 sdfn

    # The queues' interrupts in turn over the CPUs, and each transmit queue to the CPU of its interrupt.
    all=$(echo "$@" | tr ' ' ,)
    while read -r irq name; do
        case $name in
            $dev) echo $all > /proc/irq/$irq/smp_affinity_list ;;
            $dev-*)
                echo $1 > /proc/irq/$irq/smp_affinity_list
                case $name in
                    *-TxRx-*) printf %x $((1 << $1)) > /sys/class/net/$dev/queues/tx-${name##*-}/xps_cpus ;;
                esac
                first=$1
                shift
                set -- "$@" $first
                ;;
        esac
    done <<END
$(awk -v dev=$dev '$NF ~ "^" dev "(-|$)" { sub(":", "", $1); print $1, $NF }' /proc/interrupts)
END
}

# policy NAME MAC-PREFIX: the VFs. igb refuses rates while the port has no carrier.
policy() {
    dev=$1
    until [ "$(cat /sys/class/net/$dev/carrier)" = 1 ]; do
        sleep 0.1
    done
    ip link set dev $dev vf 0 mac $2:00 max_tx_rate 300 spoofchk off trust on
    ip link set dev $dev vf 1 mac $2:01 vlan 100 qos 3 max_tx_rate 100 spoofchk on trust off
    for vf in 2 3 4 5 6; do
        ip link set dev $dev vf $vf mac $2:0$vf max_tx_rate 100 spoofchk on trust off
    done
}

sysctl -qw net.core.netdev_budget=600 "net.ipv4.tcp_wmem=4096 32768 8388608"
port ens1 0 1
port ens2 2 3
# Both ports had the time to get their carrier while the other one was set up.
policy ens1 52:54:00:21:00
policy ens2 52:54:00:41:00
