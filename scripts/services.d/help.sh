# shellcheck shell=bash
# The comment at a script's head is its help: sourced, with the script's arguments, this prints it where it is asked
# for, and does nothing else then.

usage() {
    sed -n '2,/^[^#]/{/^# shellcheck/d;s/^# \{0,1\}//p}' "$0"
}

case ${1:-} in
    -h | --help)
        usage
        exit
        ;;
esac
