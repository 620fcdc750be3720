#!/usr/bin/env bash
# Install Debian's Chromium and its driver unless there is one. Status 1, and one line that says why, if it cannot be had.
set -euo pipefail

cannot() {
    echo "tests in a browser skipped: $1"
    exit 1
}

type chromium chromedriver &>/dev/null && exit 0
[ "$(id -u)" = 0 ] || cannot "no chromium with chromedriver here, and installing it needs root"
command -v apt-get >/dev/null || cannot "no chromium with chromedriver here, and no apt-get to install it"
export DEBIAN_FRONTEND=noninteractive
log=$(apt-get update -qq 2>&1 && apt-get install -y -qq --no-install-recommends chromium chromium-driver 2>&1) ||
    cannot "apt-get cannot install it: ${log##*$'\n'}"
