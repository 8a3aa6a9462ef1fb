# shellcheck shell=bash disable=SC2154  # services_dir and library are set by scripts/services
# Recorded processes, ports and locks. A pid file alone is never trusted: before a signal is sent the
# command line of that pid must carry the service's marker, a path below this very SERVICES_DIR.

say() { printf 'services: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

seconds_since() {
    awk -v began="$1" -v now="$EPOCHREALTIME" 'BEGIN { printf "%.1f s", now - began }'
}

# Held until this (sub)shell ends. Whatever is launched closes descriptor 9, or it would hold the lock.
lock() {
    mkdir -p "$services_dir/locks"
    exec 9>"$services_dir/locks/$1"
    flock -w 180 9 || die "another scripts/services has held the lock of $1 for 3 minutes"
}

log_of() { printf '%s\n' "$services_dir/logs/$1.log"; }
port_of() { cat "$services_dir/$1/port"; }

# The port is chosen once and kept over `kill` and `restart`.
choose_port() {
    local name=$1 file=$services_dir/$1/${2:-port}
    [[ -s $file ]] || "$library/probe.py" ports 1 >"$file" || die "no free port for $name"
    cat "$file"
}

is_running_pid() {
    local state
    state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || return 1
    [[ -n $state && $state != Z ]]
}

pid_of() {
    local name=$1 pid command_line
    pid=$(cat "$services_dir/$name/pid" 2>/dev/null) && [[ -n $pid ]] || return 1
    is_running_pid "$pid" || return 1
    command_line=$(tr '\0' ' ' <"/proc/$pid/cmdline") 2>/dev/null || return 1
    [[ $command_line == *"$("${name}_marker")"* ]] || return 1
    printf '%s\n' "$pid"
}

is_alive() { pid_of "$1" >/dev/null; }

is_paused() {
    local pid
    pid=$(pid_of "$1") || return 1
    grep -q '^State:[[:space:]]*T' "/proc/$pid/status"
}

# The service's process and its children: PostgreSQL is one process per connection.
family_of() {
    local pid
    pid=$(pid_of "$1") || return 0
    printf '%s\n' "$pid"
    # grep fails when it finds no child, or when some process ended while it looked.
    { grep -ls "^PPid:[[:space:]]*$pid\$" /proc/[0-9]*/status || true; } | cut -d/ -f3
}

# send NAME SIGNAL [--main]: to the whole family, the parent first, or only to the parent.
send() {
    local name=$1 signal=$2 scope=${3:-} pid
    pid=$(pid_of "$name") || return 0
    kill "-$signal" "$pid" 2>/dev/null || true
    [[ $scope == --main ]] && return
    for pid in $(family_of "$name" | tail -n +2); do
        kill "-$signal" "$pid" 2>/dev/null || true
    done
}

wait_until_dead() {
    local deadline=$((SECONDS + $1)) pid
    shift
    for pid in "$@"; do
        while is_running_pid "$pid"; do
            ((SECONDS < deadline)) || return 1
            sleep 0.02
        done
    done
}

wait_until_gone() {
    local family
    family=$(family_of "$1")
    # shellcheck disable=SC2086  # one word per process
    wait_until_dead "$2" $family
}

# launch NAME COMMAND...: in a session of its own, so that no terminal's Ctrl-C reaches it.
launch() {
    local name=$1
    shift
    (
        cd /
        exec setsid "$@" </dev/null >>"$(log_of "$name")" 2>&1 9>&-
    ) &
    echo $! >"$services_dir/$name/pid"
}

remove_data() {
    local home
    if [[ -f $services_dir/$1/home ]]; then
        home=$(cat "$services_dir/$1/home")
        # Only a folder that postgres_home made.
        [[ $home == /tmp/menagerie-postgres.* ]] && rm -rf -- "$home"
    fi
    rm -rf -- "${services_dir:?}/$1"
}
