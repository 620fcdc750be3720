#!/usr/bin/env bash
# Install Debian's pdfLaTeX with booktabs unless there is one. Status 1, and one line that says why, if it cannot be had.
set -euo pipefail

cannot() {
    echo "tests of LaTeX tables skipped: $1"
    exit 1
}

type pdflatex kpsewhich &>/dev/null && kpsewhich booktabs.sty >/dev/null && exit 0
[ "$(id -u)" = 0 ] || cannot "no pdflatex with booktabs here, and installing it needs root"
command -v apt-get >/dev/null || cannot "no pdflatex with booktabs here, and no apt-get to install it"
export DEBIAN_FRONTEND=noninteractive
log=$(apt-get update -qq 2>&1 && apt-get install -y -qq --no-install-recommends texlive-latex-base texlive-latex-recommended 2>&1) ||
    cannot "apt-get cannot install it: ${log##*$'\n'}"
