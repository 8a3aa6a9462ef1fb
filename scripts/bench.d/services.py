"""PostgreSQL, Kafka and NATS, by scripts/services."""

import os
import pathlib
import re
import subprocess
import sys

from common import ROOT, Failed, run, wait


class Services:
    """PostgreSQL, Kafka and NATS; those that did not run before are stopped in the end."""

    def __enter__(self):
        script = ROOT / "scripts" / "services"
        status = subprocess.run([script, "status"], text=True, stdout=subprocess.PIPE).stdout
        self.started = [line.split()[0] for line in status.splitlines() if line.split()[1:2] == ["stopped"]]
        # Nobody takes its broker for dead while the disk stands still for seconds.
        run(script, "start", stdout=sys.stderr, env={**os.environ, "SERVICES_KAFKA_SESSION_MS": "60000"})
        exports = run(script, "env", stdout=subprocess.PIPE).stdout
        env = dict(re.findall(r"^export (\w+)='?([^'\n]*)'?$", exports, re.M))
        self.kafka = env["MENAGERIE_TEST_KAFKA"]
        self.nats = env["MENAGERIE_TEST_NATS"]
        self.postgres = env["MENAGERIE_TEST_POSTGRES"]
        self.psql = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/psql"))[-1]
        folder = pathlib.Path(os.environ.get("SERVICES_DIR", ROOT / ".services"))
        self.databases = []
        self.pids = {name: int((folder / name / "pid").read_text()) for name in ("postgres", "kafka", "nats")}
        return self

    def __exit__(self, *_):
        # Not before: taking large files away stops everything on some disks, for seconds.
        if "kafka" not in self.started:
            self.topics("--delete", [f"bench_{os.getpid()}_.*"])
        if "postgres" not in self.started:
            for name in self.databases:
                self.sql(self.postgres, f"drop database {name} with (force)")
        if self.started:
            run(ROOT / "scripts" / "services", "stop", *self.started, stdout=sys.stderr)

    def create_database(self, name):
        self.sql(self.postgres, f"create database {name}")
        self.databases.append(name)

    def sql(self, url, text):
        """Several statements are one transaction; it is tried again where it and the service's waited for each
        other, which may still write what a load did last."""
        for is_last in (False, False, True):
            done = run(self.psql, "-q", url, "-c", text, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
            if done.returncode == 0:
                return
            if is_last or "deadlock detected" not in done.stderr:
                raise Failed(f"psql: {done.stderr.strip()}")

    def kafka_tool(self, name):
        libs = next((ROOT / ".cache").glob("kafka-*")) / "libs"
        return ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{libs}/*", name,
                "--bootstrap-server", self.kafka]

    def demand_replicas(self, topic, num):
        """Nothing is written to the topic while this is more than there are: one."""
        tool = [*self.kafka_tool("kafka.admin.ConfigCommand"), "--entity-type", "topics", "--entity-name", topic]
        demand = f"min.insync.replicas={num}"
        run(*tool, "--alter", "--add-config", demand, stdout=subprocess.DEVNULL)
        # The controller has it then, the broker some time after.
        wait(demand, lambda: demand in run(*tool, "--describe", stdout=subprocess.PIPE).stdout)

    def topics(self, verb, names):
        tool = self.kafka_tool("org.apache.kafka.tools.TopicCommand")
        jobs = [subprocess.Popen([*tool, verb, "--topic", name, *(["--partitions", "4"] if verb == "--create" else [])],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for name in names]
        if any([job.wait() for job in jobs]) and verb == "--create":
            raise Failed("topics were not created")
