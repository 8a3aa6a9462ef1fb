// One character's actor, inside.
import { failure, location, mailbox, state } from './actors.js';
import { get, path, request } from './api.js';
import { say } from './dialogs.js';
import { badge, h, section, terms } from './dom.js';
import { count, rate, seconds, short, time } from './format.js';
import { change, note } from './session.js';
import { source } from './source.js';
import { table } from './table.js';

const OUTCOMES = { applied: 'good', ignored: 'quiet' };

const PETS = [
  { label: 'Pet', cell: (p) => h('span', { class: 'mono' }, String(p.id)) },
  { label: 'Name', cell: (p) => p.name },
  { label: 'Template', cell: (p) => String(p.template_id), num: true, low: true },
  { label: 'Slot', cell: (p) => (p.slot == null || p.slot < 0 ? 'not out' : String(p.slot)), num: true },
  { label: 'Level', cell: (p) => count(p.level), num: true },
  { label: 'Closeness', cell: (p) => count(p.closeness), num: true },
  { label: 'Fullness', num: true, cell: (p) => [
    h('meter', { min: 0, max: 100, low: 30, optimum: 100, value: p.fullness, 'aria-hidden': 'true' }), ` ${count(p.fullness)}`] },
  { label: 'Hungry', cell: (p) => (p.hungry ? 'yes' : 'no') },
  { label: 'Position', cell: (p) => (p.x == null ? '–' : `${p.x}, ${p.y}, stance ${p.stance}, foothold ${p.fh}`), low: true },
  { label: 'Excludes', cell: (p) => (p.excludes?.length ? p.excludes.join(', ') : '–'), low: true },
  { label: 'Expires', cell: (p) => time(p.expiration) },
];

const PROGRESS = [
  { label: 'Topic', cell: (p) => p.topic },
  { label: 'Partition', cell: (p) => String(p.partition), num: true },
  { label: 'Offset', cell: (p) => String(p.offset), num: true },
];

const MESSAGES = [
  { label: 'Message', cell: (m) => (m.num_inputs > 1 ? `${m.message} × ${count(m.num_inputs)}` : m.message) },
  { label: 'At', cell: (m) => time(m.at, { millis: true }), num: true },
  { label: 'Wait', cell: (m) => seconds(m.wait_seconds), num: true },
  { label: 'Duration', cell: (m) => seconds(m.duration_seconds), num: true },
  { label: 'Outcome', cell: (m) => badge(m.outcome, OUTCOMES[m.outcome] ?? 'warn') },
];

/** Members of the character's document, as they are called there. */
function character(document) {
  if (!document) return h('p', { class: 'state' }, 'Only its pets are known.');
  const written = (name, value) => {
    if (value == null) return null;
    if (/_at$|_until$/.test(name)) return time(value);
    return h('span', { class: 'mono' }, typeof value === 'object' ? JSON.stringify(value) : String(value));
  };
  return terms(...Object.entries(document).map(([name, value]) => [name, written(name, value)]));
}

export function actor(ctx) {
  const [, tenant, number] = ctx.parts;
  const data = source({
    signal: ctx.signal,
    auto: true,
    tools: h('p', null, h('a', { href: '#/actors' }, 'Actors'), ` › ${number}`),
    load: (signal) => get(path(['actors', tenant, number]), signal),
    show,
  });

  function order(verb, label, question) {
    return change(label, {
      ...question,
      action: label,
      run: async (reason) => {
        const body = typeof reason === 'string' ? (reason ? { reason } : {}) : undefined;
        await request('POST', path(['actors', tenant, number, verb]), { body });
        say(`Character ${number}: ${verb} is done.`);
        await data.refresh();
      },
    });
  }

  function show(a) {
    const isStored = a.state === 'stored';
    const isOnline = a.state === 'online';
    const whom = `Character ${a.number}${a.character ? ` (${a.character.name})` : ''} of tenant ${a.tenant}.`;
    return [
      note(),
      h('div', { class: 'actions' },
        order('passivate', 'Passivate', {
          title: `Passivate character ${a.number}?`,
          text: [whom, 'Its actor leaves memory once everything it did is committed. It comes back with its next message.'],
          why: isStored ? 'It is not in memory.' : isOnline && 'It is online: kick it instead.',
        }),
        order('kick', 'Kick', {
          title: `Kick character ${a.number}?`, danger: true,
          text: [whom, 'Its session ends: the game servers are told that it is offline. Then its actor leaves memory.'],
          field: { label: 'Reason, for the audit log (optional)', maxlength: 200 },
          why: !isOnline && 'It is not online.',
        }),
        order('restart', 'Restart', {
          title: `Restart character ${a.number}?`, danger: true,
          text: [whom, 'Its actor is dropped and built anew from the database. What is not committed is done again; nothing is lost.'],
          why: isStored && 'It is not in memory.',
        })),
      section('Actor', terms(
        ['Name', a.character?.name],
        ['State', state(a.state)],
        ['Mailbox', mailbox(a.mailbox), ` (deepest ${count(a.mailbox.deepest)})`],
        ['Oldest wait', seconds(a.oldest_wait_seconds)],
        ['Rate', rate(a.rate)],
        ['Processed', count(a.processed)],
        ['Idle', seconds(a.idle_seconds)],
        ['World/channel/map', location(a.location)],
        ['Next due', time(a.next_due)],
        ['Epoch, round', `${count(a.epoch)}, ${count(a.round)}`],
        ['Version', count(a.version)],
        ['Event sequence', count(a.event_seq)],
        ['UUID', a.uuid && h('span', { class: 'mono' }, a.uuid)],
        ['Tenant', short(a.tenant)],
        ['Last error', failure(a.last_error)])),
      section('Pets', table({ caption: 'Pets', columns: PETS, rows: a.pets ?? [], empty: 'It has no pet.' })),
      section('Recent messages', table({
        caption: 'Recent messages, the newest first', columns: MESSAGES, rows: a.messages ?? [],
        empty: 'None since it is in memory.',
      })),
      section('Character', character(a.character)),
      section('Progress', table({
        caption: 'The newest record of each partition', columns: PROGRESS, rows: a.progress ?? [], empty: 'No record has reached it.',
      })),
    ];
  }

  return { title: `Character ${number}`, body: [data.element] };
}
