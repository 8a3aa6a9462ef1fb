// The overview: every number is out of /metrics or /readyz, as they are at that moment.
import { get, path, text } from './api.js';
import { chart } from './chart.js';
import { badge, h, poll, section } from './dom.js';
import { bytes, count, data, decimal, rate, seconds, time } from './format.js';
import { gained, mean, perSecond, quantile, sample } from './metrics.js';
import { session } from './session.js';
import { showShard } from './shard.js';

const EVERY = 2;
/** What a rate and what a quantile are taken over, in milliseconds. */
const RATE = 10_000;
const QUANTILE = 60_000;
const SPAN = 300_000;
/** Shards are in the database: asked for less often. */
const SHARDS_EVERY = 5;

/** Kept while another view is open, so that the charts have a past. */
let samples = [];
let points = [];

const sum = (numbers) => Object.values(numbers).reduce((a, b) => a + b, 0);
const most = (numbers) => Math.max(0, ...Object.values(numbers));
const each = (numbers, read) => Object.entries(numbers).map(([name, n]) => `${name} ${read(n)}`).join(', ');

/** `w` has the sample `now` and those that the windows begin with, `recent` and `minute`. */
const CARDS = [
  { key: 'commands', title: 'Commands', read: rate, lines: {
    Commands: (w) => perSecond(w.now, w.recent, (s) => s.commands) },
    about: ({ now }) => [['total', count(now.commands), now.commands], ['refused or ignored', count(now.rejected), now.rejected],
      ['movement', count(now.movement), now.movement]] },
  { key: 'events', title: 'Events published', read: rate, lines: {
    kafka: (w) => perSecond(w.now, w.recent, (s) => s.events.kafka),
    nats: (w) => perSecond(w.now, w.recent, (s) => s.events.nats) },
    about: ({ now }) => [['total', each(now.events, count) || '0', sum(now.events)]] },
  { key: 'rounds', title: 'Rounds', read: rate, lines: {
    Rounds: (w) => perSecond(w.now, w.recent, (s) => s.rounds.count) },
    about: ({ now }) => [['total', count(now.rounds.count), now.rounds.count]] },
  { key: 'inputs', title: 'Inputs a round', read: decimal, lines: {
    'mean, 1 min': (w) => mean(gained(w.now.rounds, w.minute?.rounds)) },
    about: ({ now }) => [['since the start', decimal(mean(now.rounds.count ? now.rounds : null)), mean(now.rounds)]] },
  { key: 'commit', title: 'Commit time', read: seconds, lines: {
    'mean, 1 min': (w) => mean(gained(w.now.commit, w.minute?.commit)),
    p99: (w) => quantile(0.99, gained(w.now.commit, w.minute?.commit)) },
    about: ({ now }) => [['commits', count(now.commit.count), now.commit.count], ['fenced', count(now.fenced), now.fenced]] },
  { key: 'wait', title: 'Mailbox wait', read: seconds, lines: {
    'p99, 1 min': (w) => quantile(0.99, gained(w.now.wait, w.minute?.wait)) },
    about: (w) => [['worst', worst(w)], ['waiting now', count(w.now.waiting), w.now.waiting]] },
  { key: 'lag', title: 'Lag', read: count, lines: { records: ({ now }) => now.lag },
    about: ({ now }) => [['partitions', count(now.partitions), now.partitions], ['paused', count(now.paused), now.paused],
      ['in flight', count(now.inFlight), now.inFlight]] },
  { key: 'pending', title: 'Outbox pending', read: count, lines: {
    kafka: ({ now }) => now.pending.kafka ?? null, nats: ({ now }) => now.pending.nats ?? null },
    about: ({ now }) => [['parked', count(now.parked), now.parked]] },
  { key: 'oldest', title: 'Oldest pending', read: seconds, lines: { 'Oldest pending': ({ now }) => most(now.oldest) },
    about: ({ now }) => [['', each(now.oldest, seconds)]] },
  { key: 'letters', title: 'Dead letters', read: count, lines: { 'since the start': ({ now }) => now.letters },
    about: ({ now }) => [['', each(now.reasons, count) || 'none since the start']] },
  { key: 'online', title: 'Characters online', read: count, lines: { 'Characters online': ({ now }) => now.online },
    about: ({ now }) => [['actors in memory', count(now.actors.character), now.actors.character],
      ['restarted', count(now.restarted), now.restarted]] },
  { key: 'pets', title: 'Pets out', read: count, lines: { 'Pets out': ({ now }) => now.pets },
    about: ({ now }) => [['hungry', count(now.hungry), now.hungry]] },
  { key: 'cpu', title: 'Processor', read: (n) => (n == null ? '–' : `${decimal(n)} cores`), lines: {
    Processor: (w) => perSecond(w.now, w.recent, (s) => s.cpu) },
    about: ({ now }) => [['memory', bytes(now.memory), now.memory],
      ['up', now.started == null ? '–' : seconds((now.at - now.started * 1000) / 1000)]] },
];

function worst({ now, minute }) {
  if (!minute || minute === now) return '–';
  const waits = Object.entries(now.waits).map(([kind, wait]) =>
    [kind, quantile(0.99, minute.waits[kind] && gained(wait, minute.waits[kind]))]);
  const [kind, wait] = waits.reduce((a, b) => ((b[1] ?? -1) > (a[1] ?? -1) ? b : a), ['', null]);
  return wait == null ? '–' : `${kind} ${seconds(wait)}`;
}

function card({ key, title, read, lines, about }) {
  const names = Object.keys(lines);
  const numbers = names.map((name, index) => h('span', { class: 'number' }, data('–'),
    name !== title && h('small', null, names.length > 1 && h('i', { class: `swatch l${index}`, 'aria-hidden': 'true' }), ` ${name}`)));
  const facts = h('p', { class: 'facts' });
  const note = h('span', { class: 'note-peak', 'aria-hidden': 'true' });
  let peak = '';
  const drawn = chart({ title, names, longest: SPAN, read, hovered: (said) => (note.textContent = said ?? peak) });
  const element = h('article', { class: 'card', 'data-card': key }, h('header', null, h('h3', null, title), note),
    h('p', { class: 'numbers' }, numbers), drawn.element, facts);
  return {
    element,
    update(window) {
      const values = points.at(-1).cards[key];
      numbers.forEach((number, index) => number.firstChild.replaceWith(data(read(values[index]), values[index])));
      facts.replaceChildren(...about(window).map(([label, shown, value], index) =>
        h('span', { 'data-fact': label }, index ? ' · ' : '', label && `${label} `, value === undefined ? shown : data(shown, value))));
      const top = drawn.update(points.map((point) => ({ at: point.at, values: point.cards[key] })), window.now.at);
      const written = top == null ? '' : `peak ${read(Math.max(...points.flatMap((p) => p.cards[key]).filter((v) => v != null)))}`;
      if (note.textContent === peak) note.textContent = written;
      peak = written;
    },
  };
}

/** The windows that end with the newest sample. */
function take(now) {
  if (samples.length && samples.at(-1).started !== now.started) [samples, points] = [[], []];
  samples = [...samples, now].filter(({ at }) => now.at - at <= QUANTILE);
  const since = (span) => samples.find(({ at }) => now.at - at <= span);
  const window = { now, recent: since(RATE), minute: since(QUANTILE) };
  const cards = Object.fromEntries(CARDS.map(({ key, lines }) => [key, Object.values(lines).map((line) => line(window))]));
  points = [...points, { at: now.at, cards }].filter(({ at }) => now.at - at <= SPAN);
  return window;
}

function checks({ status, text: body }) {
  const lines = body.split('\n').map((line) => /^\[([+-])\](\S+) (.*)$/.exec(line)).filter(Boolean);
  const rows = lines.map(([, sign, name, said]) => h('li', { 'data-check': name },
    badge(sign === '+' ? 'ok' : 'not ok', sign === '+' ? 'good' : 'bad'), ` ${name}`,
    sign === '-' && h('span', { class: 'said' }, said)));
  return [h('li', { 'data-check': 'ready' }, badge(status === 200 ? 'ready' : 'not ready', status === 200 ? 'good' : 'bad')), rows].flat();
}

export function overview(ctx) {
  const cards = CARDS.map(card);
  const readiness = h('ul', { class: 'checks' }, h('li', { class: 'state' }, 'Loading…'));
  const where = h('p', { class: 'facts', id: 'where' });
  const as_of = h('span', { class: 'as-of' });
  const trouble = h('div', { class: 'trouble', role: 'alert', hidden: true });
  const grid = h('div', { class: 'cards' }, cards.map(({ element }) => element));
  let turns = 0;
  let here = null;

  async function turn() {
    if (session.role && turns++ % SHARDS_EVERY === 0) {
      here = await get(path(['shards']), ctx.signal).then(showShard, () => null);
    }
    try {
      const [metrics, ready] = await Promise.all([text('metrics', ctx.signal), text('readyz?verbose', ctx.signal)]);
      const window = take(sample(metrics.text, Date.now()));
      cards.forEach((each) => each.update(window));
      readiness.replaceChildren(...checks(ready));
      const shard = here && `shard ${here.id}, epoch ${here.epoch}, round ${count(here.round)}, ${here.stage ?? 'not here'} · `;
      where.replaceChildren(shard ?? '', `version ${window.now.version ?? '–'}`);
      as_of.replaceChildren('as of ', time(window.now.at), `, every ${EVERY} s while you look`);
      trouble.hidden = true;
      grid.classList.remove('stale');
    } catch (error) {
      if (ctx.signal.aborted) return;
      if (trouble.hidden) trouble.textContent = `Stale. ${error.message}`;
      trouble.hidden = false;
      grid.classList.add('stale');
    }
  }

  poll(turn, EVERY, ctx.signal);
  return {
    title: 'Overview',
    body: [h('div', { class: 'toolbar' }, where, h('span', { class: 'space' }), as_of), trouble,
      section('Readiness', readiness), section('Load and latency', grid)],
  };
}
