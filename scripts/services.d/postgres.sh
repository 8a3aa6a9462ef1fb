# shellcheck shell=bash disable=SC2154  # services_dir is set by scripts/services
# PostgreSQL: one cluster, trust authentication on loopback TCP, no Unix socket. Its programs refuse to
# run as root, so under root everything below runs as user postgres, on a folder which that user can reach.

postgres_signal() { echo INT; } # a "fast" shutdown: does not wait for clients
postgres_address() { echo "postgres://postgres@127.0.0.1:$1/postgres"; }
postgres_marker() { echo "-D $(cat "$services_dir/postgres/home" 2>/dev/null)/data"; }

# The folder with initdb and postgres; Debian keeps it off PATH.
postgres_bin() {
    local initdb
    initdb=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb | sort -V | tac |
        while read -r candidate; do [[ -x $candidate ]] && echo "$candidate" && break; done)
    [[ -n $initdb ]] || initdb=$(command -v initdb) || return 1
    dirname "$(realpath "$initdb")"
}

postgres_install() {
    if ! postgres_bin >/dev/null; then
        apt_install "the PostgreSQL server" postgresql
        postgres_bin >/dev/null || die "found no initdb after installing postgresql"
    fi
    if ((EUID == 0)); then
        id postgres >/dev/null 2>&1 || die "PostgreSQL does not run as root, and there is no user 'postgres' to run it as"
    fi
}

# What stands before a command that must not run as root. setpriv replaces itself by the command, so the
# recorded pid is the server's; su and runuser would stay in between.
as_postgres=()
((EUID != 0)) || as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups --reset-env --)

# A folder that the server's user owns and reaches: below SERVICES_DIR, or else in /tmp.
postgres_home() {
    local home=$services_dir/postgres
    mkdir -p "$home"
    if ((EUID == 0)); then
        if ! "${as_postgres[@]}" test -x "$home"; then
            home=$(mktemp -d /tmp/menagerie-postgres.XXXXXX)
            say "user postgres cannot reach $services_dir: PostgreSQL's data goes to $home"
        fi
        mkdir -p "$home/data"
        chmod 755 "$home"
        chown postgres: "$home/data"
    else
        mkdir -p "$home/data"
    fi
    chmod 700 "$home/data"
    printf '%s\n' "$home" >"$services_dir/postgres/home"
}

postgres_launch() {
    local bin port home
    bin=$(postgres_bin)
    [[ -s $services_dir/postgres/home ]] || postgres_home
    home=$(cat "$services_dir/postgres/home")
    if [[ ! -f $home/data/PG_VERSION ]]; then
        (cd / && "${as_postgres[@]}" "$bin/initdb" --pgdata="$home/data" --username=postgres --auth=trust \
            --encoding=UTF8 --no-locale --no-sync) >"$(log_of postgres)" 2>&1 9>&- || {
            tail -n 40 "$(log_of postgres)" >&2
            die "initdb failed"
        }
    fi
    # After kill -9 the lock file is still there. PostgreSQL minds it while the killed server is a zombie
    # that its parent has not reaped; nothing of it runs here, so the file means nothing.
    rm -f -- "$home/data/postmaster.pid"
    port=$(choose_port postgres)
    launch postgres "${as_postgres[@]}" "$bin/postgres" -D "$home/data" -p "$port" \
        -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
        -c fsync=on -c max_connections=300 -c shared_buffers=128MB \
        -c recovery_init_sync_method=syncfs \
        -c timezone=UTC -c "log_line_prefix=%m [%p] %a "
}

postgres_await() {
    local deadline=$((SECONDS + 120)) url answer
    url="$(postgres_address "$(port_of postgres)")?sslmode=disable&connect_timeout=2"
    while ((SECONDS < deadline)); do
        answer=$("$(postgres_bin)/psql" -XAtqc 'SELECT 1' "$url" 2>/dev/null </dev/null) || true
        [[ $answer == 1 ]] && return
        is_running_pid "$(cat "$services_dir/postgres/pid")" || return 1
        sleep 0.1
    done
    return 1
}
