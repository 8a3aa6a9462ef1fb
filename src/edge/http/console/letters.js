// Dead letters: the list, and one with its bytes.
import { get, path, request } from './api.js';
import { say } from './dialogs.js';
import { h, id, section, terms } from './dom.js';
import { bytes, count, short, time } from './format.js';
import { change, note } from './session.js';
import { source } from './source.js';
import { listing, table } from './table.js';

const columns = [
  { label: 'Reason', cell: (l) => h('a', { href: `#/dead-letters/${encodeURIComponent(l.id)}` }, l.reason) },
  { label: 'At', cell: (l) => time(l.at) },
  { label: 'Detail', cell: (l) => h('span', { class: 'clip', title: l.detail }, l.detail ?? '–') },
  { label: 'Topic', cell: (l) => l.topic, low: true },
  { label: 'Partition', cell: (l) => String(l.partition), num: true, low: true },
  { label: 'Offset', cell: (l) => count(l.offset), num: true },
  { label: 'Tenant', cell: (l) => short(l.tenant), low: true },
  { label: 'Size', cell: (l) => bytes(l.size), num: true, low: true },
];

export function letters(ctx) {
  const list = listing(ctx, {
    parts: ['dead-letters'],
    caption: 'Dead letters, the newest first',
    columns,
    fields: [{ name: 'reason', label: 'Reason', width: 'wide' }],
    empty: 'No dead letter is like that. Good.',
  });
  return { title: 'Dead letters', body: [list.element], update: list.update };
}

const decode = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

/** Sixteen a line: the offset, the bytes, and what of them can be printed. */
function hex(array) {
  const lines = [];
  for (let at = 0; at < array.length; at += 16) {
    const line = [...array.subarray(at, at + 16)];
    const digits = line.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const letters = line.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${digits.padEnd(47)}  ${letters}`);
  }
  return lines.join('\n');
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}

/** The same bytes in several ways, one at a time. */
function readings(name, base64, text) {
  if (base64 == null) return h('p', { class: 'state' }, 'None.');
  const array = decode(base64);
  if (!array.length) return h('p', { class: 'state' }, 'Empty.');
  const ways = [['JSON', text != null && pretty(text)], ['Text', text], ['Hex', hex(array)], ['Base64', base64]]
    .filter(([, written]) => written != null && written !== false);
  const shown = h('pre', { tabindex: '0', 'aria-label': name });
  const group = id('way');
  const pick = ([way, written], index) => {
    const radio = h('input', { type: 'radio', name: group, checked: index === 0, change: () => (shown.textContent = written) });
    return h('label', { class: 'check' }, radio, way);
  };
  shown.textContent = ways[0][1];
  return [h('fieldset', { class: 'ways' }, h('legend', null, `${name} as`), ways.map(pick), h('small', null, bytes(array.length))), shown];
}

/** Null where it is none, or cannot be seen. */
const utf8 = (base64) => {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(decode(base64));
    return /\p{Cc}/u.test(text) ? null : text;
  } catch {
    return null;
  }
};

const HEADERS = [
  { label: 'Header', cell: (header) => header.name },
  { label: 'Text', cell: (header) => header.text ?? '–' },
  { label: 'Bytes', cell: (header) => h('span', { class: 'mono' }, [...decode(header.value ?? '')]
    .map((byte) => byte.toString(16).padStart(2, '0')).join(' ')) },
];

export function letter(ctx) {
  const which = ctx.parts[1];
  const data = source({
    signal: ctx.signal,
    tools: h('p', null, h('a', { href: '#/dead-letters' }, 'Dead letters'), ' › ', short(which)),
    load: (signal) => get(path(['dead-letters', which]), signal),
    show,
  });
  const leave = (said) => {
    say(said);
    ctx.go('#/dead-letters');
  };

  function show(l) {
    const whence = `${l.topic}, partition ${l.partition}, offset ${l.offset} (${l.reason}).`;
    return [
      note(),
      h('div', { class: 'actions' },
        change('Redeliver', {
          title: 'Redeliver this dead letter?', action: 'Redeliver',
          text: [whence, 'Its original bytes go through the engine again, once. If that works, the letter is gone; if it fails again, it stays.'],
          run: async () => {
            const { outcome, detail } = await request('POST', path(['dead-letters', which, 'redeliver']));
            const said = `Redelivered: ${outcome}${detail ? `, ${detail}` : ''}.`;
            if (outcome !== 'dead_letter') return leave(said);
            say(`${said} The letter stays.`);
            await data.refresh();
          },
        }),
        change('Drop', {
          title: 'Drop this dead letter?', action: 'Drop', danger: true,
          text: [whence, 'It is forgotten for good, bytes and all. Nothing of it was applied, and nothing will be.'],
          run: async () => {
            await request('DELETE', path(['dead-letters', which]));
            leave('The dead letter is dropped.');
          },
        })),
      terms(['Reason', l.reason], ['Detail', l.detail], ['At', time(l.at)], ['Topic', l.topic],
        ['Partition', String(l.partition)], ['Offset', String(l.offset)],
        ['Tenant', l.tenant && h('span', { class: 'mono' }, l.tenant)], ['Id', h('span', { class: 'mono' }, l.id)]),
      section('Value', readings('Value', l.value, l.text)),
      section('Key', readings('Key', l.key, l.key && utf8(l.key))),
      section('Headers', table({ caption: 'Headers of the record', columns: HEADERS, rows: l.headers ?? [], empty: 'It had none.' })),
    ];
  }

  return { title: 'Dead letter', body: [data.element] };
}
