#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# The first program of the virtual machine: gives each network device to vfio-pci, then does what
# comes over the third serial line. The first is the console, the second the log of the daemon.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/hugepages
mount -t hugetlbfs huge /dev/hugepages
while read -r module; do insmod "/modules/$module"; done </modules/order
for device in /sys/bus/pci/devices/*; do
    case $(cat "$device/class") in
    0x0200*)
        echo vfio-pci >"$device/driver_override"
        echo "${device##*/}" >/sys/bus/pci/drivers_probe
        ;;
    esac
done
ip link set lo up
stty -F /dev/ttyS1 raw -echo
stty -F /dev/ttyS2 raw -echo
exec 3<>/dev/ttyS2
echo "the machine is up" >/dev/console

# What comes is a word, a blank, and a line for the shell; the answer ends with the word and an exit code.
while read -r word line <&3; do
    eval "$line" >&3 2>&1 3>&-
    echo "$word $?" >&3
done
