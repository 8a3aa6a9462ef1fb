"""The scenarios. Each adds its lines to the table, and fails if a load's books do not balance."""

import os
import signal
import statistics
import subprocess
import time

from common import BY_HAND, Failed, run, say, scaled, wait
from contestant import STAGES, Contestant
from machine import MAX_SWING, idle, pace, spent, state, threads
from table import ratios

# Paced at the end: a broker just started takes small batches longer than one that has been at work for a while.
SCENARIOS = ["burst", "keys", "single", "shapes", "growth", "memory", "restart", "steady", "paced", "budget"]

# Other characters with a pet each, in a tenant of their own and never online.
OTHERS = """
insert into characters select r.* from (select to_jsonb(c) as c from characters c limit 1) one,
    generate_series(:first, :last) n, jsonb_populate_record(null::characters, one.c || jsonb_build_object(
        'tenant', '00000000-0000-4000-8000-00000000feed', 'id', n, 'uuid', gen_random_uuid(), 'name_key', null,
        'user_uuid', '00000000-0000-0000-0000-000000000000', 'slot_number', null, 'session_id', null)) r;
insert into pets select r.* from (select to_jsonb(p) as p from pets p limit 1) one,
    generate_series(:first, :last) n, jsonb_populate_record(null::pets, one.p || jsonb_build_object(
        'tenant', '00000000-0000-4000-8000-00000000feed', 'id', n, 'owner', n)) r;
"""

# Room for one more on many pages, so that those of a load stand scattered among them.
GAPS = """
delete from pets where tenant = '00000000-0000-4000-8000-00000000feed' and id % 100 = 0;
delete from characters where tenant = '00000000-0000-4000-8000-00000000feed' and id % 100 = 0;
"""

NO_OTHERS = """
delete from pets where tenant = '00000000-0000-4000-8000-00000000feed' and id > :few;
delete from characters where tenant = '00000000-0000-4000-8000-00000000feed' and id > :few;
"""

# Those of loads before, each of which has a tenant of its own; one is left to copy.
NO_LOADS = """
delete from pets where tenant <> '00000000-0000-4000-8000-00000000feed'
    and (tenant, id) <> (select tenant, id from pets limit 1);
delete from characters where tenant <> '00000000-0000-4000-8000-00000000feed'
    and (tenant, id) <> (select tenant, id from characters limit 1);
"""


def others(first, last):
    return OTHERS.replace(":first", str(first)).replace(":last", str(last))


class Bench:
    def __init__(self, services, folder, turns, table):
        self.services, self.folder, self.turns, self.table = services, folder, turns, table

    def contestant(self, kind, **variables):
        return Contestant(self.services, kind, self.folder, **variables)

    def statements(self, num_pets):
        """Awards a second that PostgreSQL takes as multi-row updates alone."""
        Contestant.num += 1
        services, name = self.services, f"bench_{os.getpid()}_{Contestant.num}"
        services.create_database(name)
        env = {**os.environ, "MENAGERIE_DATABASE__URL": f"{services.postgres.rsplit('/', 1)[0]}/{name}",
               "MENAGERIE_KAFKA__BOOTSTRAP_SERVERS": services.kafka, "MENAGERIE_NATS__URL": services.nats}
        return float(run(BY_HAND, "statements", num_pets, 4, env=env, stdout=subprocess.PIPE).stdout)

    def compare(self, what, owners, kinds, num=200_000, warm_up=600_000):
        """Rates of a backlog of awards, by kind and turn; and those of a bare consumer and of PostgreSQL alone."""
        rates = {kind: [] for kind in (*kinds, "bare", "statements")}
        swings, num_again = [], 0
        for turn in range(self.turns):
            for is_last in (False, True):
                taken, swing = self.turn(what, turn, owners, kinds, num, warm_up)
                if is_last or swing <= MAX_SWING:
                    break
                num_again += 1
                say(f"{what}, turn {turn + 1}: taken again, for the machine was {swing:.2f} times as fast at one time "
                    "as at another")
            swings.append(swing)
            for kind, rate in taken.items():
                rates[kind].append(rate)
        self.table.note(f"{what}: the machine's speed within a turn, fastest of slowest", swings)
        self.table.note(f"{what}: turns taken again", [num_again])
        for kind in kinds:
            self.table.note(f"{what}: {kind}", rates[kind], unit="awards/s")
        return rates

    def turn(self, what, turn, owners, kinds, num, warm_up):
        """Rates of one turn, and how much the machine's speed changed meanwhile."""
        taken, paces = {}, [pace()]
        # No order favours anybody.
        for kind in kinds[turn % len(kinds):] + kinds[:turn % len(kinds)]:
            with self.contestant(kind) as contestant:
                # Long enough for a JVM to compile what it needs; everybody else gets the same.
                contestant.backlog(warm_up, f"--owners {owners}")
                report = contestant.burst(num, f"--owners {owners}")
                paces.append(pace())
            taken[kind] = report["records_per_second"]
            if kind == "menagerie":
                taken["bare"] = report["bare_records_per_second"]
            say(f"{what}, turn {turn + 1}: {kind} {report['records_per_second']:,.0f}/s")
        taken["statements"] = self.statements(owners)
        return taken, max(paces) / min(paces)

    def burst(self):
        """200,000 awards over 1,000 pets."""
        owners = scaled(1_000)
        rates = self.compare("burst, 1,000 pets", owners, ["menagerie", "kafka-streams", "pipeline"])
        ours = rates["menagerie"]
        self.table.at_least("burst, of Kafka Streams", ratios(ours, rates["kafka-streams"]), 1.5)
        self.table.at_least("burst, of the pipeline without actors", ratios(ours, rates["pipeline"]), 0.85)
        self.table.note("burst, of a bare consumer", ratios(ours, rates["bare"]))
        self.table.note("burst, of the state changes alone on PostgreSQL", ratios(ours, rates["statements"]))

    def keys(self):
        """The same over 100,000 pets."""
        owners = scaled(100_000)
        rates = self.compare("burst, 100,000 pets", owners, ["menagerie", "kafka-streams", "pipeline"])
        ours = rates["menagerie"]
        self.table.at_least("100,000 pets, of Kafka Streams", ratios(ours, rates["kafka-streams"]), 1.2)
        self.table.note("100,000 pets, of the pipeline without actors", ratios(ours, rates["pipeline"]))
        self.table.note("100,000 pets, of the state changes alone on PostgreSQL", ratios(ours, rates["statements"]))

    def single(self):
        """One transaction a command, 2,000 of them, which is as many as it needs."""
        ours, theirs = [], []
        for turn in range(self.turns):
            pair = [("one-by-one", theirs, 2_000), ("menagerie", ours, 200_000)]
            for kind, rates, num in pair if turn % 2 else reversed(pair):
                with self.contestant(kind) as contestant:
                    contestant.backlog(num, f"--owners {scaled(1_000)}")
                    rates.append(contestant.backlog(num, f"--owners {scaled(1_000)}")["records_per_second"])
        self.table.note("one transaction a command", theirs, unit="awards/s")
        self.table.note("burst, of one transaction a command", ratios(ours, theirs))

    def shapes(self):
        """Mixed, one hot pet, and movement only, beside awards over 1,000 pets of the same process: a backlog as long
        as the mix, for a long one is worked off faster than a short one; a burst beside the hot pet."""
        bursts, backlogs, mixed, hot, steps, bare = [], [], [], [], [], []
        for _ in range(self.turns):
            owners = f"--owners {scaled(1_000)}"
            with self.contestant("menagerie") as contestant:
                def rates():
                    return [report["records_per_second"] for report in (
                        contestant.burst(200_000, owners), contestant.backlog(600_000, owners))]

                contestant.backlog(600_000, owners)
                # Before and after, as a process that has run for a while is faster.
                before = rates()
                # More of those with movement, which end when the service tells Kafka that it has read them: it
                # does so up to half a second later.
                mix = contestant.backlog(600_000, f"{owners} --movement 0.3 --spawns 0.2 --tricks 0.1")
                one = contestant.burst(20_000, "--owners 1")
                walk = contestant.backlog(10_000_000, f"{owners} --movement 1")
                after = rates()
            bursts.append((before[0] + after[0]) / 2)
            backlogs.append((before[1] + after[1]) / 2)
            mixed.append(mix["records_per_second"])
            hot.append(one["records_per_second"])
            steps.append(walk["records_per_second"])
            bare.append(walk["bare_records_per_second"])
        self.table.note("beside the shapes: bursts of 200,000 awards", bursts, unit="awards/s")
        self.table.note("beside the shapes: backlogs of 600,000 awards", backlogs, unit="awards/s")
        self.table.note("mixed, a backlog of 600,000", mixed, unit="records/s")
        self.table.note("one hot pet, a burst of 20,000", hot, unit="awards/s")
        self.table.at_least("mixed, of a backlog of awards as long", ratios(mixed, backlogs), 0.6)
        self.table.at_least("one hot pet, of the burst", ratios(hot, bursts), 0.5)
        self.table.note("movement only", steps, unit="steps/s")
        self.table.note("a bare consumer of the same", bare, unit="records/s")
        self.table.at_least("movement only, of a bare consumer", ratios(steps, bare), 0.5)

    def paced(self):
        """50 awards a second alone; 1,000 beside 10,000."""
        # Small batches take a broker just started twice as long, until its code for them is compiled.
        with self.contestant("pipeline") as nobody:
            nobody.load("--owners 1000 --rate 5000 --for 60s")
        awards = 'menagerie_commands_total{command="AWARD_CLOSENESS",outcome="applied"}'
        ours, theirs, beside, achieved = [], [], [], []
        stages = {"50/s": [], "1,000/s beside 10,000/s": []}
        for turn in range(self.turns):
            pair = [("menagerie", ours), ("kafka-streams", theirs)]
            for kind, reports in pair if turn % 2 else reversed(pair):
                with self.contestant(kind) as contestant:
                    contestant.warm_up()
                    arguments = "--owners 50 --rate 50 --for 60s"
                    if kind == "menagerie":
                        latency, medians = contestant.load_in_stages(arguments)
                        stages["50/s"].append(medians)
                    else:
                        latency = contestant.load(arguments)["latency_ms"]
                    reports.append(latency)
            with self.contestant("menagerie") as contestant:
                contestant.warm_up()
                num_before = contestant.metric(awards)
                # It is there to be load: its producer batches for 5 ms, which is Kafka's default, and its reader takes
                # its time.
                background = contestant.begin_load(
                    "--owners 1000 --rate 10000 --for 30s",
                    MENAGERIE_KAFKA__PROPERTIES="linger.ms=5, fetch.min.bytes=65536, fetch.wait.max.ms=50")
                try:
                    # Everybody is online, and it is at its pace.
                    wait("the 10,000/s", lambda: contestant.metric(awards) >= num_before + 20_000, every=0.5)
                    latency, medians = contestant.load_in_stages("--owners 100 --rate 1000 --for 15s")
                    if background.poll() is not None:
                        raise Failed("the 10,000/s ended before the 1,000/s beside them")
                    beside.append(latency)
                    stages["1,000/s beside 10,000/s"].append(medians)
                    achieved.append(contestant.end_load(background)["records_per_second"])
                finally:
                    background.kill()
        each = lambda reports, quantile: [report[quantile] for report in reports]
        self.table.at_most("50/s, p50", each(ours, "p50"), 3, "ms")
        self.table.at_most("50/s, p99", each(ours, "p99"), 8, "ms")
        for quantile in ("p50", "p99"):
            self.table.note(f"50/s, Kafka Streams, {quantile}", each(theirs, quantile), unit="ms")
            of_theirs = ratios(each(ours, quantile), each(theirs, quantile))
            self.table.at_most(f"50/s, {quantile}, of Kafka Streams", of_theirs, 0.1)
        self.table.at_most("1,000/s beside 10,000/s, p99", each(beside, "p99"), 50, "ms")
        self.table.at_least("the 10,000/s beside them", achieved, 9_800, "records/s")
        self.table.note("1,000/s beside 10,000/s, p50", each(beside, "p50"), unit="ms")
        for load, turns in stages.items():
            for stage in STAGES:
                self.table.note(f"{load}, median: {stage}", [medians[stage] for medians in turns], unit="ms")

    def growth(self):
        """What a command costs beside 1,000,000 characters in the database, of that beside 10,000: each award is one
        of 10,000 pets', so that most are rows of their own, on pages among the others'."""
        costs, rows = [], {"10,000": [], "1,000,000": []}
        num_owners, num, few, many = scaled(10_000), scaled(600_000), scaled(10_000), scaled(1_000_000)
        for _ in range(self.turns):
            with self.contestant("menagerie") as contestant:
                contestant.backlog(200_000, f"--owners {scaled(1_000)}")
                rates = []
                # With few before and after, as a process that has run for a while is faster.
                for beside, change in (("10,000", others(1, few)), ("1,000,000", others(few + 1, many)),
                                       ("10,000", NO_OTHERS.replace(":few", str(few)))):
                    self.services.sql(contestant.database, NO_LOADS)
                    self.services.sql(contestant.database, change)
                    # Full: the indexes of a few are not to be those of the many who were there before. Never of next to
                    # none: plans for a table of one row are kept for a while, and are none for ten thousand.
                    self.services.sql(contestant.database, "vacuum (full, analyze) characters, pets")
                    self.services.sql(contestant.database, GAPS)
                    self.services.sql(contestant.database, "vacuum characters, pets")
                    report, before, after = self.worked_off(contestant, num, f"--owners {num_owners}")
                    rates.append(report["records_per_second"])
                    rows[beside].append((after["PostgreSQL"] - before["PostgreSQL"]) / num * 1e6)
                costs.append((rates[0] + rates[2]) / 2 / rates[1])
        self.table.at_most("cost of a command beside 1,000,000 characters, of that beside 10,000", costs, 1.3)
        for beside, taken in rows.items():
            self.table.note(f"beside {beside} characters, PostgreSQL's processor time", taken, unit="µs/award")

    def memory(self):
        """A character online with a pet: just restored, and after 32 awards, which its actor remembers."""
        each, used, bare = [], [], []
        num = scaled(100_000)
        for _ in range(self.turns):
            bare.append(float(run(BY_HAND, "actors", num, stdout=subprocess.PIPE).stdout))
            with self.contestant("menagerie") as contestant:
                contestant.signal(signal.SIGTERM)
                contestant.start()
                empty = contestant.resident_kib()
                contestant.load(f"--owners {num} --stay")
                contestant.signal(signal.SIGKILL)
                contestant.start()
                each.append((contestant.resident_kib() - empty) / num)
            with self.contestant("menagerie") as contestant:
                # As much work each time: what work takes does not count, only what stays.
                resident = []
                for owners in (num // 10, num, num):
                    contestant.load(f"--owners {owners} --backlog {32 * num} --stay")
                    resident.append(contestant.resident_kib())
                say(f"memory: resident after each: {resident} KiB")
                used.append((resident[2] - resident[1]) / num)
        self.table.at_most("memory of a character online with a pet, just restored", each, 2.5, "KiB")
        above = [full - empty for full, empty in zip(used, bare)]
        self.table.note("a bare actix actor", bare, unit="KiB")
        self.table.note("memory of a character online with a pet, after 32 awards", used, unit="KiB")
        self.table.at_most("the same above a bare actix actor", above, 2.5, "KiB")

    def restart(self):
        """kill -9 with 100,000 online and 10,000 events that Kafka would not take: until it is ready. Then it takes
        them, each once; what stands there already and is not to be sent again is the fault tests' matter."""
        ready = []
        num = scaled(10_000)
        for _ in range(self.turns):
            with self.contestant("menagerie") as contestant:
                status = contestant.topics["EVENT_TOPIC_PET_STATUS"]
                contestant.load(f"--owners {scaled(100_000)} --stay")
                pid = contestant.process.pid
                load = contestant.begin_load(f"--owners {scaled(1_000)} --backlog {num} --hold {pid}")
                try:
                    # While the service is held the backlog is written: that waits until Kafka refuses its events.
                    wait("the backlog", lambda: state(pid) == "T")
                    load.send_signal(signal.SIGSTOP)
                    if state(pid) != "T":
                        raise Failed("the service went on before Kafka refused its events")
                    self.services.demand_replicas(status, 2)
                    # Told is not yet known to the leader of each partition.
                    time.sleep(2)
                    load.send_signal(signal.SIGCONT)
                    pending = 'menagerie_outbox_pending{sink="kafka"}'

                    def are_pending():
                        if load.poll() is not None:
                            contestant.end_load(load)
                            raise Failed("Kafka took the events it was to refuse")
                        return contestant.metric(pending) >= num

                    wait("an outbox of them", are_pending)
                    killed = time.monotonic()
                    contestant.signal(signal.SIGKILL)
                    contestant.start()
                    ready.append(time.monotonic() - killed)
                    self.services.demand_replicas(status, 1)
                    # Its books: each event once.
                    contestant.end_load(load)
                finally:
                    load.kill()
        self.table.at_most("ready after kill -9, 100,000 online, 10,000 events pending", ready, 3, "s")

    def steady(self):
        """Resident memory over ten minutes of load, once."""
        with self.contestant("menagerie") as contestant:
            load = contestant.begin_load(f"--owners {scaled(5_000)} --rate 2000 --movement 0.5 --for {scaled(600)}s")
            resident = []
            try:
                while load.poll() is None:
                    time.sleep(5)
                    resident.append(contestant.resident_kib())
                contestant.end_load(load)
            finally:
                load.kill()
        fifth = len(resident) // 5
        early, late = resident[fifth:2 * fifth], resident[-fifth:]
        self.table.note("resident memory under load", [kib / 1024 for kib in resident], unit="MiB")
        self.table.at_most("resident memory of the last two minutes, of the third and fourth",
                           [statistics.median(late) / statistics.median(early)], 1.05)

    def budget(self):
        """Processor time of a record, by process and by thread of the service: of awards over 1,000 pets and over
        100,000, and of movement."""
        for what, owners in (("1,000 pets", scaled(1_000)), ("100,000 pets", scaled(100_000))):
            self.budget_of(what, scaled(1_000_000), f"--owners {owners}", "µs/award")
        self.budget_of("movement", scaled(10_000_000), f"--owners {scaled(1_000)} --movement 1", "µs/step")

    def worked_off(self, contestant, num, arguments):
        """The report of a backlog, and what everybody and each thread had taken when it began and when it was done."""
        pid = contestant.process.pid
        pids = {"Menagerie": pid, "PostgreSQL": self.services.pids["postgres"], "Kafka": self.services.pids["kafka"],
                "NATS": self.services.pids["nats"]}
        load = contestant.begin_load(f"--backlog {num} --hold {pid} {arguments}")
        try:
            pids["the load"] = load.pid
            # Until it is held everybody comes online, and what comes after the last event is the audit.
            wait("the hold", lambda: load.poll() is not None or state(pid) == "T", 300)
            wait("the end of the hold", lambda: load.poll() is not None or state(pid) != "T")
            samples = []
            while load.poll() is None:
                # The bench's own, without its children.
                own = time.process_time()
                samples.append((time.monotonic(), {**spent(pids), "the bench": own, "idle": idle()}, threads(pid)))
                time.sleep(0.2)
            report = contestant.end_load(load)
        finally:
            load.kill()
        began, before, within = samples[0]
        end = began + num / report["records_per_second"]
        _, after, inside = min(samples, key=lambda sample: abs(sample[0] - end))
        return report, {**before, "threads": within}, {**after, "threads": inside}

    def budget_of(self, work, num, arguments, unit):
        with self.contestant("menagerie") as contestant:
            contestant.backlog(200_000, arguments)
            report, before, after = self.worked_off(contestant, num, arguments)
        within, inside = before.pop("threads"), after.pop("threads")

        def note(what, taken):
            self.table.note(f"{work}: {what}", [taken / num * 1e6], unit=unit)

        note("elapsed", num / report["records_per_second"])
        for name in before:
            note(f"processor time: {name}", after[name] - before[name])
        parts = {name: taken - within.get(name, 0.0) for name, taken in inside.items()}
        for name, taken in sorted(parts.items(), key=lambda part: -part[1]):
            if taken / num * 1e6 >= 0.01:
                note(f"processor time within Menagerie: {name}", taken)
