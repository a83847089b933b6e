# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The first steps of app/demo.sh and tests/run.sh: install missing Debian 12 packages, and build. This
# is the only list of packages.
#
#   masq_deps_install GROUP...              GROUP: build, hosts, test, lint, vm
#   masq_build DIRECTORY [MESON-OPTION...] [-- TARGET...]
#                                           configure if needed, then compile; quiet unless it fails
#   masq_kernel_fetch DIRECTORY             unpack Debian's kernel for virtual machines there; nothing
#                                           is installed
#   masq_as_owner COMMAND...                as the user who owns the sources
#
# apt-get is called only if something is missing; then it needs root. A Debian package of a server
# starts that server at once, on the machine's own addresses. We only want the programs, so a
# policy-rc.d forbids it while packages are installed, and a server installed in this way stays
# disabled at the next boot.

masq_deps_group() {
    case $1 in
    build) # the compiler, DPDK 22.11 with the drivers of real and virtual ports, our libraries
        echo gcc libc6-dev meson ninja-build pkg-config python3 \
            libdpdk-dev librte-meta-net libnuma-dev libjansson-dev libinih-dev libedit-dev ;;
    hosts) # the machines around the appliance: clients, servers, tools to look at them
        echo iproute2 ethtool iputils-ping procps curl nginx ;;
    test) # more clients and servers, testpmd, the test library, an instruction counter, Lua for a profile
        echo libcmocka-dev dnsmasq-base bind9-dnsutils iperf3 traceroute dpdk-dev util-linux lua5.4 valgrind ;;
    lint) # style, documentation
        echo clang-format-14 python3-sphinx git ;;
    vm) # a virtual machine with network cards and NUMA nodes; installed only on request
        echo qemu-system-x86 busybox-static ;;
    *)
        echo "masq_deps_group: unknown group '$1'; accepted: build, hosts, test, lint, vm" >&2
        return 1 ;;
    esac
}

# Print those of the named packages that are not installed.
masq_deps_missing() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            echo "$package"
    done
}

# apt-get itself. In a subshell, so that the policy is removed however it ends.
masq_deps_apt() (
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        trap 'exit 130' INT TERM
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq -o Acquire::Retries=3 update >/dev/null ||
        echo "apt-get update failed; continuing with the package lists at hand" >&2
    apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install "$@" >/dev/null
)

masq_deps_install() {
    local group names list=() missing=()

    for group in "$@"; do
        names=$(masq_deps_group "$group") || return 1
        # shellcheck disable=SC2206 # package names have no blanks
        list+=($names)
    done
    mapfile -t missing < <(masq_deps_missing "${list[@]}")
    [ ${#missing[@]} -gt 0 ] || return 0

    if [ "$(id -u)" != 0 ]; then
        echo "These Debian packages are missing, and only root can install them: ${missing[*]}" >&2
        return 1
    fi
    echo "Installing ${#missing[@]} Debian packages that are missing: ${missing[*]}"
    if ! masq_deps_apt "${missing[@]}"; then
        echo "apt-get could not install: ${missing[*]}" >&2
        return 1
    fi
    if [[ " ${missing[*]} " == *" nginx "* ]] && command -v systemctl >/dev/null; then
        systemctl --quiet disable nginx 2>/dev/null || true
    fi
}

# linux-image-cloud-amd64 only depends on the current package. The folder is moved to its place when it
# is complete.
masq_kernel_fetch() (
    [ ! -e "$1" ] || exit 0
    work=$1.part
    rm -rf "$work"
    masq_as_owner mkdir -p "$work"
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM
    cd "$work" || exit 1
    package=$(apt-cache depends linux-image-cloud-amd64 | sed -nE 's/^ *Depends: (linux-image-.*)/\1/p')
    echo "Fetching the kernel of a virtual machine: ${package:-linux-image-cloud-amd64}; it is not installed"
    masq_as_owner apt-get -qq -o Acquire::Retries=3 -o APT::Sandbox::User=root download "${package:-linux-image-cloud-amd64}" &&
        masq_as_owner dpkg-deb -x linux-image-*.deb . && rm linux-image-*.deb && mv "$work" "$1" && exit 0
    echo "Could not fetch a kernel for the virtual machine" >&2
    exit 1
)

MASQ_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Under sudo, build results should belong to the owner of the sources, not to root.
masq_as_owner() {
    local owner
    owner=$(stat -c %U "$MASQ_ROOT")
    if [ "$(id -u)" = 0 ] && [ "$owner" != root ] && id "$owner" >/dev/null 2>&1; then
        runuser -u "$owner" -- "$@"
    else
        "$@"
    fi
}

# In a subshell, so that its log is removed however it ends.
masq_build() (
    dir=$1 options=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift $(($# > 0)) # the "--"; the rest are targets
    log=$(mktemp "${TMPDIR:-/tmp}/masq-build.XXXXXX")
    trap 'rm -f "$log"' EXIT
    trap 'exit 130' INT TERM
    {
        if [ ! -e "$dir/build.ninja" ]; then
            masq_as_owner meson setup "$dir" "$MASQ_ROOT" "${options[@]}"
        fi && masq_as_owner ninja -C "$dir" "$@"
    } >"$log" 2>&1 && exit 0
    echo "The build in $dir failed:" >&2
    tail -n 60 "$log" >&2
    exit 1
)
