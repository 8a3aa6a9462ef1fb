# shellcheck shell=bash disable=SC2154  # cache_dir is set by scripts/services
# What the services need is looked for first; only what is missing is installed.

apt_updated=

# apt_install WHAT_FOR PACKAGE...
apt_install() {
    local what_for=$1 as_root=()
    shift
    if ! command -v apt-get >/dev/null; then
        die "missing: $what_for. Install what Debian calls '$*' with this system's package manager"
    fi
    if ((EUID != 0)); then
        command -v sudo >/dev/null || die "missing: $what_for. As root: apt-get update && apt-get install $*"
        as_root=(sudo)
        [[ -t 0 ]] || as_root+=(--non-interactive)
    fi
    say "installing $* with apt-get, for $what_for"
    # RUNLEVEL=1 keeps Debian's postinst scripts from starting services of their own.
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq -o DPkg::Lock::Timeout=120)
    if [[ -z $apt_updated ]]; then
        quietly "${apt[@]}" update
        apt_updated=1
    fi
    quietly "${apt[@]}" install --yes --no-install-recommends "$@"
}

# Shows a command's output only if it fails.
quietly() {
    local output
    if ! output=$("$@" 2>&1 </dev/null); then
        printf '%s\n' "$output" | tail -n 40 >&2
        die "failed: $*"
    fi
}

# One installer at a time in a checkout.
install_missing() {
    local name
    mkdir -p "$cache_dir"
    exec 8>"$cache_dir/lock"
    flock -w 900 8 || die "another scripts/services has been installing for 15 minutes"
    command -v python3 >/dev/null || apt_install "the readiness probes" python3
    for name in "$@"; do
        "${name}_install"
    done
    # For tests/observability.rs and tests/console.rs alone: without apt-get they say themselves what
    # they miss. No server is started, as apt_install sees to.
    if command -v apt-get >/dev/null; then
        command -v promtool >/dev/null || apt_install "the tests of rules and dashboards" prometheus
        command -v chromium >/dev/null || apt_install "the tests of the console" chromium
        command -v npm >/dev/null || apt_install "the tests of the console" nodejs npm
    fi
    exec 8>&-
}
