// Every actor: which there are, and what waits for them.
import { badge, h } from './dom.js';
import { count, rate, seconds, short, time } from './format.js';
import { listing } from './table.js';

const KINDS = ['character', 'supervisor', 'committer', 'kafka_outbox', 'nats_outbox', 'clockwork'];

export const state = (state) =>
  badge(state, { online: 'good', running: 'good', gone: 'bad', offline: 'quiet', stored: 'quiet' }[state]);

export const address = ({ tenant, number }) => `#/actors/${encodeURIComponent(tenant)}/${number}`;

/** Full when as many wait as may. */
export const mailbox = ({ messages, capacity }) =>
  h('span', { class: capacity && messages >= capacity ? 'bad-text' : null }, `${count(messages)} / ${count(capacity)}`);

/** A place of a map, and the instance if it is one. */
export const location = (at) => (at == null ? '–'
  : h('span', { title: `instance ${at.instance}` }, `${at.world_id}/${at.channel_id}/${at.map_id}`));

export const failure = (error) => (error == null ? '–'
  : [h('span', { class: 'clip', title: error.message }, error.message), ' ', h('small', null, time(error.at))]);

const columns = [
  { label: 'Actor', cell: (a) => (a.tenant == null ? a.key : h('a', { href: address(a), class: 'mono' }, String(a.number))) },
  { label: 'Tenant', cell: (a) => short(a.tenant), low: true },
  { label: 'State', cell: (a) => state(a.state) },
  { label: 'Mailbox', cell: (a) => mailbox(a.mailbox), num: true, sort: 'mailbox' },
  { label: 'Deepest', cell: (a) => count(a.mailbox.deepest), num: true, low: true },
  { label: 'Oldest wait', cell: (a) => seconds(a.oldest_wait_seconds), num: true, sort: 'wait' },
  { label: 'Rate', cell: (a) => rate(a.rate), num: true, sort: 'rate' },
  { label: 'Processed', cell: (a) => count(a.processed), num: true, low: true },
  { label: 'Idle', cell: (a) => seconds(a.idle_seconds), num: true, sort: 'idle' },
  { label: 'World/channel/map', cell: (a) => location(a.location), low: true },
  { label: 'Last error', cell: (a) => failure(a.last_error), low: true },
];

export function actors(ctx) {
  const list = listing(ctx, {
    parts: ['actors'],
    caption: 'Actors',
    columns,
    fields: [
      { name: 'q', label: 'Number or tenant', width: 'wide' },
      { name: 'kind', label: 'Kind', options: [['', 'all'], ...KINDS.map((kind) => [kind, kind.replace('_', ' ')])] },
      { name: 'online', label: 'Characters', options: [['', 'all'], ['true', 'online'], ['false', 'in memory, offline']] },
    ],
    empty: 'No actor is like that.',
  });
  return { title: 'Actors', body: [list.element], update: list.update };
}
