#!/usr/bin/env python3
"""Free ports, and whether Kafka or NATS really answers: no JVM, no client library.

    probe.py ports NUM                   print NUM free loopback ports, one a line
    probe.py kafka PORT PID SECONDS      exit 0 once the broker at PORT lists itself as live
    probe.py nats PORT PID SECONDS       exit 0 once JetStream at PORT answers

A wait ends early, with exit status 1, when process PID is gone.
"""

import json
import random
import socket
import struct
import sys
import time

HOST = "127.0.0.1"
ATTEMPT_SECONDS = 2.0
# Below Linux's ephemeral range. A client that reconnects to a dead port of that range can be given
# this very port as its own and so connect to itself, and the service could not come back on it.
PORT_RANGE = range(20_000, 32_000)


def free_ports(num_ports):
    held = []
    candidates = random.sample(PORT_RANGE, len(PORT_RANGE))
    for port in candidates:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.bind((HOST, port))
        except OSError:
            listener.close()
            continue
        held.append((port, listener))
        if len(held) == num_ports:
            break
    for _, listener in held:
        listener.close()
    if len(held) < num_ports:
        sys.exit(f"no {num_ports} free ports in {PORT_RANGE.start}..{PORT_RANGE.stop}")
    return [port for port, _ in held]


def connect(port):
    return socket.create_connection((HOST, port), timeout=ATTEMPT_SECONDS)


def read_exactly(stream, num_bytes):
    data = stream.read(num_bytes)
    if len(data) < num_bytes:
        raise OSError("connection closed in the middle of an answer")
    return data


def kafka_call(stream, api_key, api_version, body):
    """One request with header version 1; the answer's body after the correlation id."""
    client = b"probe"
    request = struct.pack(">hhih", api_key, api_version, 1, len(client)) + client + body
    stream.write(struct.pack(">i", len(request)) + request)
    stream.flush()
    (length,) = struct.unpack(">i", read_exactly(stream, 4))
    return read_exactly(stream, length)[4:]


def kafka_answers(port):
    api_versions, metadata = 18, 3
    with connect(port) as connection, connection.makefile("rwb") as stream:
        (error,) = struct.unpack(">h", kafka_call(stream, api_versions, 0, b"")[:2])
        if error != 0:
            return False
        # Version 4: no topics, no automatic creation. Only brokers that the controller has let in
        # are listed, so a broker that lists one is past its recovery.
        answer = kafka_call(stream, metadata, 4, struct.pack(">i?", 0, False))
        _throttle_ms, num_brokers = struct.unpack(">ii", answer[:8])
        return num_brokers > 0


def nats_answers(port):
    with connect(port) as connection, connection.makefile("rwb") as stream:
        info = stream.readline()
        if not info.startswith(b"INFO "):
            return False
        options = {"verbose": False, "pedantic": False, "name": "probe"}
        stream.write(b"CONNECT " + json.dumps(options).encode() + b"\r\n")
        stream.write(b"SUB _PROBE 1\r\nPUB $JS.API.INFO _PROBE 0\r\n\r\n")
        stream.flush()
        while line := stream.readline():
            if line.startswith(b"PING"):
                stream.write(b"PONG\r\n")
                stream.flush()
            elif line.startswith(b"MSG "):
                answer = read_exactly(stream, int(line.split()[-1]))
                # Without JetStream the answer is an empty "no responders" or an error.
                return b"account_info_response" in answer and b'"error"' not in answer
            elif line.startswith(b"-ERR"):
                return False
        return False


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(answers, port, pid, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if answers(port):
                return True
        except (OSError, struct.error):
            pass
        if not is_running(pid):
            return False
        time.sleep(0.1)
    return False


def main(arguments):
    match arguments:
        case ["ports", num_ports]:
            print("\n".join(str(port) for port in free_ports(int(num_ports))))
        case [("kafka" | "nats") as name, port, pid, seconds]:
            answers = {"kafka": kafka_answers, "nats": nats_answers}[name]
            sys.exit(0 if wait_for(answers, int(port), int(pid), float(seconds)) else 1)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
