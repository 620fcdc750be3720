#!/usr/bin/env bash
# Install Debian's SLURM unless there is one. Status 1, and one line that says why, if it cannot be had.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

cannot() {
    echo "tests on SLURM skipped: $1"
    exit 1
}

[ "$(id -u)" = 0 ] || cannot "its daemons need root"
type slurmd slurmctld squeue munged &>/dev/null && exit 0
command -v apt-get >/dev/null || cannot "no SLURM here, and no apt-get to install it"

# Debian starts what it installs, except where this file forbids it.
if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
fi
export DEBIAN_FRONTEND=noninteractive
log=$(apt-get update -qq 2>&1 && apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge 2>&1) ||
    cannot "apt-get cannot install it: ${log##*$'\n'}"
