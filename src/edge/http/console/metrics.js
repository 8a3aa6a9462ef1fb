// The Prometheus text, and what the overview takes from it.

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const ESCAPED = { n: '\n', '"': '"', '\\': '\\' };

/** Series by name: `[{ labels, value }]`. */
export function parse(text) {
  const families = new Map();
  for (const line of text.split('\n')) {
    const found = line[0] !== '#' && LINE.exec(line);
    if (!found) continue;
    const [, name, inside, value] = found;
    const labels = {};
    for (const [, label, raw] of (inside ?? '').matchAll(LABEL)) {
      labels[label] = raw.replace(/\\(.)/g, (_, c) => ESCAPED[c] ?? c);
    }
    if (!families.has(name)) families.set(name, []);
    families.get(name).push({ labels, value: number(value) });
  }
  return families;
}

const number = (text) => (/^[+]?Inf/.test(text) ? Infinity : Number(text));

/** What is kept of one scrape. Counters and histograms are as they came: since the start. */
export function sample(text, at) {
  const families = parse(text);
  const series = (name, prefix = 'menagerie_') => families.get(prefix + name) ?? [];
  const sum = (name) => series(name).reduce((total, { value }) => total + value, 0);
  const by = (name, label) => {
    const sums = {};
    for (const { labels, value } of series(name)) sums[labels[label]] = (sums[labels[label]] ?? 0) + value;
    return sums;
  };
  const histogram = (name, is = () => true) => {
    const buckets = new Map();
    for (const { labels, value } of series(`${name}_bucket`)) {
      const bound = number(labels.le);
      if (is(labels)) buckets.set(bound, (buckets.get(bound) ?? 0) + value);
    }
    const total = (part) => series(name + part).reduce((t, { labels, value }) => (is(labels) ? t + value : t), 0);
    return { buckets: [...buckets].sort((a, b) => a[0] - b[0]), sum: total('_sum'), count: total('_count') };
  };
  const kinds = Object.keys(by('actors', 'actor'));
  const process = (name) => series(name, 'process_')[0]?.value ?? null;
  return {
    at,
    started: process('start_time_seconds'),
    version: series('build_info')[0]?.labels.version ?? null,
    commands: sum('commands_total'),
    rejected: sum('commands_rejected_total'),
    movement: sum('movement_total'),
    events: by('events_published_total', 'sink'),
    rounds: histogram('round_inputs'),
    commit: histogram('commit_duration_seconds'),
    wait: histogram('actor_mailbox_wait_seconds'),
    waits: Object.fromEntries(kinds.map((kind) =>
      [kind, histogram('actor_mailbox_wait_seconds', ({ actor }) => actor === kind)])),
    waiting: sum('actor_mailbox_messages'),
    lag: sum('intake_lag'),
    inFlight: sum('intake_in_flight'),
    partitions: series('intake_lag').length,
    paused: sum('intake_paused'),
    pending: by('outbox_pending', 'sink'),
    oldest: by('outbox_oldest_age_seconds', 'sink'),
    parked: sum('outbox_parked'),
    letters: sum('dead_letters_total'),
    reasons: by('dead_letters_total', 'reason'),
    online: sum('characters_online'),
    worlds: by('characters_online', 'world'),
    pets: sum('pets_spawned'),
    hungry: sum('pets_hungry'),
    actors: by('actors', 'actor'),
    restarted: sum('actor_restarted_total'),
    fenced: sum('commit_fenced_total'),
    cpu: process('cpu_seconds_total'),
    memory: process('resident_memory_bytes'),
  };
}

/** A counter's growth a second; null if there are no two samples, or it began anew. */
export function perSecond(now, base, pick) {
  if (!base || base === now) return null;
  const grown = (pick(now) ?? 0) - (pick(base) ?? 0);
  return grown < 0 ? null : (grown * 1000) / (now.at - base.at);
}

/** What a histogram gained; null if nothing. */
export function gained(now, base) {
  if (!base || now === base) return null;
  const before = new Map(base.buckets);
  const buckets = now.buckets.map(([bound, n]) => [bound, n - (before.get(bound) ?? 0)]);
  const count = now.count - base.count;
  return count > 0 ? { buckets, count, sum: now.sum - base.sum } : null;
}

export const mean = (histogram) => (histogram ? histogram.sum / histogram.count : null);

/** As `histogram_quantile` of PromQL: within a bucket along a line, at most the last bound. */
export function quantile(q, histogram) {
  if (!histogram) return null;
  const rank = q * histogram.count;
  let [lower, below] = [0, 0];
  for (const [bound, n] of histogram.buckets) {
    if (n >= rank) {
      if (bound === Infinity) return lower;
      return n === below ? bound : lower + ((bound - lower) * (rank - below)) / (n - below);
    }
    [lower, below] = [bound, n];
  }
  return lower;
}
