// What was changed by whom.
import { badge, h } from './dom.js';
import { short, time } from './format.js';
import { listing } from './table.js';

const OF_A_CHARACTER = /^([0-9a-f-]{36})\/(\d+)$/;

function target(text) {
  const found = OF_A_CHARACTER.exec(text ?? '');
  return found ? h('a', { href: `#/actors/${found[1]}/${found[2]}`, title: text }, `${found[1].slice(0, 8)}…/${found[2]}`) : text ?? '–';
}

const columns = [
  { label: 'At', cell: (entry) => time(entry.at) },
  { label: 'Who', cell: (entry) => entry.who ?? 'nobody named' },
  { label: 'Role', cell: (entry) => entry.role ?? '–', low: true },
  { label: 'Action', cell: (entry) => entry.action },
  { label: 'Target', cell: (entry) => target(entry.target) },
  { label: 'Detail', cell: (entry) => h('span', { class: 'clip', title: entry.detail }, entry.detail ?? '–'), low: true },
  { label: 'Outcome', cell: (entry) => (entry.outcome == null
    ? badge('cut off', 'bad') : badge(entry.outcome, entry.outcome === 'done' ? 'good' : 'warn')) },
  { label: 'Request', cell: (entry) => short(entry.request_id), low: true },
];

export function audit(ctx) {
  const list = listing(ctx, {
    parts: ['audit'], caption: 'Changes, the newest first', columns, empty: 'Nobody has changed anything.',
  });
  return { title: 'Audit', body: [list.element], update: list.update };
}
