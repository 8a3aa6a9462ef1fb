"""A service under load: Menagerie or one of its yardsticks."""

import json
import math
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.request

from common import BY_HAND, MENAGERIE, STREAMS, Failed, scaled

TOPICS = {
    "EVENT_TOPIC_CHARACTER_STATUS": "character_status",
    "EVENT_TOPIC_ASSET_STATUS": "asset_status",
    "COMMAND_TOPIC_PET": "pet_command",
    "COMMAND_TOPIC_PET_MOVEMENT": "pet_movement",
    "EVENT_TOPIC_PET_STATUS": "pet_status",
}
# Of its API and of its admin API.
PORTS = 18080, 19090

# What an award goes through, by the histogram that times it: of everything meanwhile, also of what is beside it. What
# waits while two rounds are under way is in the first and the last and in none between.
STAGES = {
    "from the record's timestamp to committed": 'command_latency_seconds{command="AWARD_CLOSENESS"}',
    "any message waits for the supervisor": 'actor_mailbox_wait_seconds{actor="supervisor"}',
    "from gathered to stepped by its character": "round_step_seconds",
    "any message waits for the committer": 'actor_mailbox_wait_seconds{actor="committer"}',
    "commit": "commit_duration_seconds",
    "any message waits for the outbox": 'actor_mailbox_wait_seconds{actor="kafka_outbox"}',
    "from decided to acknowledged by Kafka": 'event_latency_seconds{sink="kafka"}',
}


def median(buckets):
    """Of a histogram, in ms, as if what is in a bucket were spread evenly over it; the last has no end, and of
    nothing there is none."""
    if not buckets:
        return math.nan
    half, low, below = buckets[-1][1] / 2, 0.0, 0.0
    for bound, num in buckets:
        if num > half:
            within = 0.0 if math.isinf(bound) else (bound - low) * (half - below) / (num - below)
            return (low + within) * 1e3
        low, below = bound, num
    return math.nan


class Contestant:
    """A service that does the award job, with a database and topics of its own."""

    num = 0

    def __init__(self, services, kind, folder, binary=MENAGERIE, ports=PORTS, **variables):
        Contestant.num += 1
        self.services, self.kind, self.folder, self.binary = services, kind, folder, binary
        self.port, self.admin_port = ports
        self.name = f"bench_{os.getpid()}_{Contestant.num}"
        self.variables = variables

    def __enter__(self):
        services = self.services
        self.database = f"{services.postgres.rsplit('/', 1)[0]}/{self.name}"
        services.create_database(self.name)
        self.topics = {variable: f"{self.name}.{topic}" for variable, topic in TOPICS.items()}
        services.topics("--create", self.topics.values())
        self.env = {
            **os.environ, **self.topics,
            "MENAGERIE_DATABASE__URL": self.database, "MENAGERIE_DATABASE__MIGRATE_ON_START": "true",
            "MENAGERIE_KAFKA__BOOTSTRAP_SERVERS": services.kafka, "MENAGERIE_KAFKA__GROUP": self.name,
            "MENAGERIE_NATS__URL": services.nats, "MENAGERIE_HTTP__LISTEN": f"127.0.0.1:{self.port}",
            "MENAGERIE_ADMIN__LISTEN": f"127.0.0.1:{self.admin_port}", "MENAGERIE_LOG__LEVEL": "warn",
            "PEER_PORT": str(self.port), "PEER_STATE_DIR": f"{self.folder}/{self.name}", **self.variables,
        }
        self.start()
        return self

    def start(self):
        command = {
            "menagerie": [self.binary, "serve"],
            # Without nodelay its HTTP server takes 40 ms to answer, and an audit of 100,000 pets a minute.
            "kafka-streams": ["java", "-Dsun.net.httpserver.nodelay=true", "-cp",
                              f"{STREAMS}/target/*:{STREAMS}/target/libs/*", "menagerie.peer.Main"],
        }.get(self.kind) or [BY_HAND, self.kind]
        log = open(f"{self.folder}/{self.name}.log", "a")
        began = time.monotonic()
        self.process = subprocess.Popen([str(part) for part in command], env=self.env, stdout=log, stderr=log)
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() - began > 120:
                # Nobody else does: it was not entered.
                self.process.kill()
                self.process.wait()
                raise Failed(f"{self.kind} does not start: {log.name}")
            time.sleep(0.01)

    def is_ready(self):
        if self.kind != "menagerie":
            return "running" in pathlib.Path(f"{self.folder}/{self.name}.log").read_text().splitlines()
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/readyz", timeout=5).status == 200
        except OSError:
            return False

    def begin_load(self, arguments, log=None, **variables):
        command = [str(MENAGERIE), "load", "--json", "--url", f"http://127.0.0.1:{self.port}", *arguments.split()]
        return subprocess.Popen(command, env={**self.env, **variables}, text=True, stdout=subprocess.PIPE, stderr=log)

    def end_load(self, load):
        """The report of a load, whose books must balance."""
        report, _ = load.communicate()
        if load.returncode:
            raise Failed(f"{self.kind}, {' '.join(load.args)}: {report[:2000]}; logs are in {self.folder}")
        return json.loads(report)

    def load(self, arguments):
        return self.end_load(self.begin_load(arguments))

    def backlog(self, num, arguments=""):
        return self.load(f"--backlog {scaled(num)} --hold {self.process.pid} {arguments}")

    def burst(self, num, arguments):
        """The middle one of three backlogs: one is over within a second, in which the disk may be busy."""
        reports = [self.backlog(num, arguments) for _ in range(3)]
        return sorted(reports, key=lambda report: report["records_per_second"])[1]

    def warm_up(self):
        """Work for half a minute, so that its code is compiled too."""
        self.backlog(200_000, "--owners 50")
        self.load("--owners 50 --rate 1000 --for 20s")

    def metrics(self):
        """The lines of its page of metrics."""
        page = urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=5)
        return page.read().decode().splitlines()

    def histograms(self):
        """What each stage's histogram holds: bounds in seconds, and how many were at most that."""
        metrics, found = self.metrics(), {}
        for name, series in STAGES.items():
            metric, _, labels = series.rstrip("}").partition("{")
            start = f"menagerie_{metric}_bucket{{{labels}{',' if labels else ''}le="
            lines = [line[len(start):].split() for line in metrics if line.startswith(start)]
            found[name] = [(float(bound.strip('"}').replace("+Inf", "inf")), float(num)) for bound, num in lines]
        return found

    def load_in_stages(self, arguments):
        """The latencies of a load, and the medians of its stages."""
        before = self.histograms()
        latency = self.load(arguments)["latency_ms"]
        stages = {}
        for name, buckets in self.histograms().items():
            earlier = dict(before[name])
            stages[name] = median([(bound, num - earlier.get(bound, 0.0)) for bound, num in buckets])
        return latency, stages

    def metric(self, series):
        found = [line for line in self.metrics() if line.startswith(series + " ")]
        return float(found[0].split()[-1]) if found else 0.0

    def signal(self, which):
        self.process.send_signal(which)
        return self.process.wait(60)

    def resident_kib(self):
        found = re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.process.pid}/status").read_text())
        if not found:
            raise Failed(f"{self.kind} has ended")
        return int(found[1])

    def __exit__(self, *_):
        if self.process.poll() is None:
            try:
                self.signal(signal.SIGTERM)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGKILL)
