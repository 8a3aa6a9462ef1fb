// A made-up engine, always the same: what the mock of the operator's API tells about.

export const TENANT = '083839c6-c47c-42a6-9585-76492795d123';
export const OTHER = '1d2f6c1e-0b0c-4a54-9a53-6f1f0a2d7c11';
export const HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
const NUM_ACTORS = 100_000;
const ENGINE = ['supervisor', 'committer', 'kafka_outbox', 'nats_outbox', 'clockwork'];
const VERBS = ['AWARD_CLOSENESS', 'SPAWN', 'FEED', 'ATTEMPT_COMMAND', 'EXCLUDE', 'walk'];
const REASONS = ['malformed', 'panic', 'unknown_type', 'no_tenant'];

export const at = (ago = 0) => new Date(Date.now() - ago * 1000).toISOString();
export const base64 = (text) => Buffer.from(text).toString('base64');
/** As random as is needed, and always the same. */
const noise = (n) => ((Math.imul(n ^ 0x5bd1e995, 2654435761) >>> 0) % 10007) / 10007;

const key = (tenant, number) => `${tenant}/${number}`;

function character(index, evil) {
  const number = index + 1;
  const tenant = index % 10 === 9 ? OTHER : TENANT;
  const busy = noise(number);
  const messages = busy > 0.995 ? Math.round(busy * 1900) % 19 : 0;
  return {
    kind: 'character', key: key(tenant, number), tenant, number,
    state: index % 5 === 4 ? 'offline' : 'online',
    mailbox: { messages, deepest: Math.max(messages, Math.round(busy * 6)), capacity: 19 },
    oldest_wait_seconds: messages ? noise(number + 7) / 20 : null,
    processed: Math.round(busy * 9000),
    rate: index % 5 === 4 ? 0 : Math.round(noise(number + 3) * 400) / 10,
    last_error: index % 50 === 3 ? { at: at(120), message: index === 3 ? evil : 'not_owner' } : null,
    idle_seconds: Math.round(noise(number + 11) * 30000) / 100,
    location: { world_id: index % 4, channel_id: index % 3, map_id: 100000000 + (index % 40), instance: '00000000-0000-0000-0000-000000000000' },
  };
}

export class World {
  actors = [];
  intake = { paused: false, in_flight: 12, capacity: 65536, partitions: [] };
  sinks = [
    { sink: 'kafka', pending: 4, oldest_age_seconds: 0.021, published: 48211, retried: 0, parked: 0, failing: false, last_error: null },
    { sink: 'nats', pending: 37, oldest_age_seconds: 42.5, published: 9120, retried: 3, parked: 2, failing: true, last_error: null },
  ];
  letters = [];
  audit = [];
  level = 'info,menagerie=debug';
  stage = 'serving';
  began = Date.now();
  scrapes = 0;
  requests = [];

  /** With a `hostile` name wherever a player or a service may put one. */
  constructor({ hostile = true } = {}) {
    this.evil = hostile ? HOSTILE : 'Pip';
    this.sinks[1].last_error = { at: at(30), message: `no response from stream ${hostile ? HOSTILE : ''}` };
    this.names = ['Rowan', 'Ayla', 'Bram', 'Cleo', 'Dorin', 'Esme', 'Finn', 'Greta', this.evil];
    for (const kind of ENGINE) {
      this.actors.push({ kind, key: kind, tenant: null, number: null, state: 'running',
        mailbox: { messages: kind === 'supervisor' ? 3 : 0, deepest: 40, capacity: kind === 'supervisor' ? 66564 : 64 },
        oldest_wait_seconds: kind === 'supervisor' ? 0.0021 : null, processed: 120344, rate: 812.5, last_error: null, idle_seconds: 0.01, location: null });
    }
    for (let index = 0; index < NUM_ACTORS; index++) this.actors.push(character(index, this.evil));
    for (let partition = 0; partition < 6; partition++) {
      const end = 48000 + partition * 311;
      this.intake.partitions.push({ topic: partition < 3 ? 'COMMAND_TOPIC_PET' : 'COMMAND_TOPIC_PET_MOVEMENT', partition: partition % 3,
        position: end, next_offset: end - 2 * partition, end, lag: 2 * partition, in_flight: 2 * partition, paused: partition === 5, pause_reason: partition === 5 ? 'full' : null });
    }
    for (let index = 0; index < 73; index++) this.letters.push(this.letter(index));
    for (let index = 0; index < 60; index++) {
      this.audit.push({ id: `a-${index}`, at: at(index * 610 + 60), who: index % 7 ? 'ann' : null, role: 'operator', action: ['kick', 'passivate', 'restart'][index % 3],
        target: key(TENANT, index + 1), detail: index ? null : this.evil, outcome: index === 2 ? null : 'done', request_id: `01a21090-db94-737c-a38f-9914326622${10 + index}` });
    }
  }

  letter(index) {
    const reason = REASONS[index % REASONS.length];
    const text = index === 0 ? `{"petId":1,"type":"${this.evil.replaceAll('"', '\\"')}"}` : `{"petId":${index},"actorId":12345,"type":"FEED","body":{"amount":${index}}}`;
    const value = index % 6 === 5 ? Buffer.from([0xff, 0xfe, 0, 1, 2, index]) : Buffer.from(text);
    return {
      id: `0199c0de-0000-7000-8000-${String(index).padStart(12, '0')}`, at: at(index * 95 + 12), reason,
      detail: index === 0 ? `not JSON: ${this.evil}` : `offset ${index}: expected value at line 1 column 1`, topic: 'COMMAND_TOPIC_PET', partition: index % 3, offset: 48000 - index,
      tenant: reason === 'no_tenant' ? null : TENANT, size: value.length,
      key: Buffer.from([0x39, 0x30, 0, 0, 0, 0, 0, 0]).toString('base64'), value: value.toString('base64'),
      text: index % 6 === 5 ? null : text,
      headers: [{ name: 'TENANT_ID', value: base64(TENANT), text: TENANT }, { name: 'MAJOR_VERSION', value: Buffer.from([0, 83]).toString('base64'), text: null }],
    };
  }

  find(tenant, number) {
    const index = ENGINE.length + Number(number) - 1;
    const actor = this.actors[index];
    return actor?.tenant === tenant && actor.number === Number(number) ? actor : null;
  }

  /** The list, without those that left memory. */
  list({ kind, online, sort, q }) {
    const greatest = { mailbox: (a) => a.mailbox.messages, wait: (a) => a.oldest_wait_seconds ?? 0, idle: (a) => a.idle_seconds, rate: (a) => a.rate }[sort];
    const rows = this.actors.filter((a) => a.state !== 'stored' && (!kind || a.kind === kind)
      && (!online || (a.kind === 'character' && (a.state === 'online') === (online === 'true')))
      && (!q || String(a.number) === q || a.tenant === q.toLowerCase()));
    return greatest ? rows.sort((a, b) => greatest(b) - greatest(a)) : rows;
  }

  inside(actor) {
    const n = actor.number;
    const isStored = actor.state === 'stored';
    return {
      ...actor,
      ...(isStored && { mailbox: { messages: 0, deepest: 0, capacity: 0 }, oldest_wait_seconds: null, rate: 0 }),
      uuid: `5f0c8a4e-7d0b-4f0a-9a57-${String(n).padStart(12, '0')}`, round: 812, epoch: 4, version: 17, event_seq: 23,
      character: n % 11 === 10 ? null : { character_id: `5f0c8a4e-7d0b-4f0a-9a57-${String(n).padStart(12, '0')}`, number: n, user_id: '3f0f6a3e-9f3a-4c58-9d6d-0d1c7d0f3b21',
        name: this.names[(n - 1) % this.names.length], class_type: 'ranger', race: 'elf', gender: 'other', level: 1 + (n % 90), experience: 4200, slot_number: 1,
        stats: { strength: 4, dexterity: 12 }, online: actor.state === 'online', created_at: '2026-10-01T08:00:00Z', last_played_at: at(60), deleted_at: null, version: 17 },
      pets: [0, 1, 2].slice(0, n % 4).map((slot) => ({ id: n * 3 + slot, template_id: 5000017 + slot, name: slot === 1 ? this.evil : ['Kino', '', 'Momo'][slot], level: 3 + slot, closeness: 6,
        fullness: 80 - slot * 40, slot: slot === 2 ? -1 : slot, expiration: '2027-02-23T00:00:00Z', hungry: slot > 0, excludes: slot ? [2000000] : [], x: 10, y: 20, stance: 4, fh: 99 })),
      next_due: at(-90),
      progress: [{ topic: 'COMMAND_TOPIC_PET', partition: n % 3, offset: 991 }],
      messages: isStored ? [] : Array.from({ length: 32 }, (_, index) => ({ at: at(index * 1.7), message: VERBS[(n + index) % VERBS.length], num_inputs: index === 4 ? 12 : 1,
        wait_seconds: noise(n + index) / 5000, duration_seconds: noise(n - index) / 20000, outcome: ['applied', 'applied', 'ignored', 'not_owner'][index % 4] })),
    };
  }

  record(who, action, target, detail, request_id) {
    this.audit.unshift({ id: `b-${this.audit.length}`, at: at(), who, role: 'operator', action, target, detail, outcome: 'done', request_id });
  }

  /** Grows with every scrape, by what is known. */
  metrics() {
    const n = ++this.scrapes;
    const wave = 1 + Math.sin(n / 6) / 3;
    this.commands = (this.commands ?? 120000) + Math.round(260 * wave);
    const rounds = 4000 + n * 40;
    const lines = [];
    const add = (name, labels, value) => lines.push(`menagerie_${name}${labels ? `{${labels}}` : ''} ${value}`);
    const histogram = (name, labels, bounds, total, center) => {
      for (const bound of bounds) {
        const part = 1 - Math.exp(-((bound / center) ** 1.4));
        add(`${name}_bucket`, `${labels ? `${labels},` : ''}le="${bound}"`, Math.floor(total * part));
      }
      add(`${name}_bucket`, `${labels ? `${labels},` : ''}le="+Inf"`, total);
      add(`${name}_sum`, labels, total * center);
      add(`${name}_count`, labels, total);
    };
    const SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.003, 0.004, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
    lines.push('# HELP menagerie_commands_total Inputs by how they ended', '# TYPE menagerie_commands_total counter');
    add('build_info', 'version="0.1.0"', 1);
    add('commands_total', 'command="FEED",outcome="applied"', this.commands);
    add('commands_total', 'command="FEED",outcome="rejected"', 310 + n);
    add('commands_rejected_total', 'command="FEED",reason="not_owner"', 310 + n);
    add('movement_total', 'outcome="applied"', this.commands * 3);
    add('events_published_total', 'sink="kafka",type="FED"', 40000 + n * 220);
    add('events_published_total', 'sink="nats",type="character.online"', 9000 + n * 31);
    histogram('round_inputs', '', [1, 2, 4, 8, 16, 32, 64, 128], rounds, 12);
    histogram('commit_duration_seconds', '', SECONDS, rounds, 0.0023);
    for (const kind of ['character', 'supervisor', 'committer']) {
      add('actors', `actor="${kind}"`, kind === 'character' ? 100000 : 1);
      add('actor_mailbox_messages', `actor="${kind}"`, kind === 'character' ? 41 : 3);
      histogram('actor_mailbox_wait_seconds', `actor="${kind}"`, SECONDS, rounds * 7, kind === 'committer' ? 0.004 : 0.0006);
    }
    for (const p of this.intake.partitions) {
      add('intake_lag', `topic="${p.topic}",partition="${p.partition}"`, p.lag);
      add('intake_paused', `topic="${p.topic}",partition="${p.partition}"`, Number(p.paused));
    }
    add('intake_in_flight', '', this.intake.in_flight);
    for (const s of this.sinks) {
      add('outbox_pending', `sink="${s.sink}"`, s.pending);
      add('outbox_oldest_age_seconds', `sink="${s.sink}"`, s.oldest_age_seconds);
      add('outbox_parked', `sink="${s.sink}"`, s.parked);
    }
    add('dead_letters_total', 'reason="malformed"', 51);
    add('dead_letters_total', 'reason="a \\"quoted\\" \\\\ one"', 22);
    add('characters_online', 'world="0"', 45000);
    add('characters_online', 'world="1"', 35000);
    add('pets_spawned', '', 91234);
    add('pets_hungry', '', 812);
    add('actor_restarted_total', '', 1);
    add('commit_fenced_total', '', 0);
    lines.push(`process_cpu_seconds_total ${(n * 1.3).toFixed(2)}`, 'process_resident_memory_bytes 402653184', `process_start_time_seconds ${Math.floor(this.began / 1000) - 86400}`);
    return `${lines.join('\n')}\n`;
  }

  shards() {
    return [
      { id: 'world-0', epoch: 4, round: 812 + this.scrapes, holder: 'menagerie-0:17', lease_until: at(-12), here: true, stage: this.stage },
      { id: 'world-1', epoch: 9, round: 40117, holder: 'menagerie-1:17', lease_until: at(-9), here: false, stage: null },
    ];
  }
}
