// What is committed, as it happens. Nothing is connected while nobody looks.
import { address } from './actors.js';
import { path, stream } from './api.js';
import { h, id } from './dom.js';
import { count, short, time } from './format.js';
import { retry as signIn } from './session.js';

const MOST = 500;
/** New rows are put in this often, in milliseconds: an engine is faster than eyes. */
const FLUSH = 250;
const FIELDS = [
  ['subject', 'Subject, with * and >', 'text', 'wide'], ['character', 'Character', 'number'], ['pet', 'Pet', 'number'],
  ['tenant', 'Tenant', 'text', 'wide'],
];

/** An event's row; its JSON is only written out if opened. */
function row({ subject, tenant, character, pet, at, event }) {
  const compact = JSON.stringify(event) ?? '';
  const details = h('details', { toggle: () => {
    if (details.open && !details.querySelector('pre')) details.append(h('pre', { tabindex: '0', 'aria-label': 'Event' }, JSON.stringify(event, null, 2)));
  } }, h('summary', null, compact.length > 90 ? `${compact.slice(0, 90)}…` : compact));
  const whose = character == null ? '–' : tenant == null ? String(character)
    : h('a', { href: address({ tenant, number: character }) }, String(character));
  return h('tr', null, h('th', { scope: 'row' }, subject), h('td', { class: 'num' }, time(at, { millis: true })),
    h('td', { class: 'num' }, whose), h('td', { class: 'num' }, pet ?? '–'), h('td', { class: 'low' }, short(tenant)), h('td', null, details));
}

const remark = (text) => h('tr', { class: 'remark' }, h('td', { colspan: 6 }, text));

export function events(ctx) {
  let query = ctx.query;
  let connection = null;
  let waiting = [];
  let isPaused = false;
  let timer = null;
  const seen = { received: 0, missed: 0, unshown: 0 };

  const status = h('span', { role: 'status' });
  const counts = h('span', { class: 'as-of' });
  const trouble = h('div', { class: 'trouble', role: 'alert', hidden: true });
  const body = h('tbody', null);
  const empty = h('p', { class: 'state' }, 'Nothing has happened since you look.');
  const caption = 'Events, the newest first';
  const pause = h('button', { type: 'button', 'aria-pressed': 'false', click: toggle }, 'Pause');
  const inputs = FIELDS.map(([name, label, type, width]) =>
    [name, label, h('input', { id: id(name), name, type, min: 0, class: width, autocomplete: 'off', spellcheck: 'false' })]);
  const filters = h('form', { class: 'filters', role: 'search', 'aria-label': 'Filter', submit: (event) => {
    event.preventDefault();
    const then = new URLSearchParams(inputs.map(([name, , input]) => [name, input.value.trim()]).filter(([, value]) => value));
    ctx.go(`#/events${then.size ? `?${then}` : ''}`);
  } }, inputs.map(([, label, input]) => h('div', { class: 'field' }, h('label', { for: input.id }, label), input)),
  h('button', { type: 'submit' }, 'Filter'));

  const write = () => inputs.forEach(([name, , input]) => (input.value = query.get(name) ?? ''));

  function tell() {
    const parts = [`${count(seen.received)} received`];
    if (seen.missed) parts.push(`${count(seen.missed)} missed`);
    if (isPaused && waiting.length) parts.push(`${count(waiting.length)} wait`);
    if (seen.unshown) parts.push(`${count(seen.unshown)} not shown`);
    counts.textContent = parts.join(', ');
  }

  function flush() {
    timer = null;
    tell();
    if (isPaused || !waiting.length) return;
    body.prepend(...waiting.reverse().map((make) => make()));
    waiting = [];
    while (body.childElementCount > MOST) body.lastElementChild.remove();
    empty.hidden = true;
  }

  function add(make) {
    waiting.push(make);
    if (waiting.length > MOST) {
      waiting.shift();
      seen.unshown++;
    }
    timer ??= setTimeout(flush, FLUSH);
  }

  function receive(type, text) {
    const said = JSON.parse(text);
    if (type === 'missed') {
      seen.missed += said.missed;
      return add(() => remark(`${count(said.missed)} missed: this browser reads too slowly. A filter helps.`));
    }
    seen.received++;
    add(() => row(said));
  }

  function toggle() {
    isPaused = !isPaused;
    pause.textContent = isPaused ? 'Resume' : 'Pause';
    pause.setAttribute('aria-pressed', String(isPaused));
    status.textContent = isPaused ? 'Paused; the newest wait.' : 'Live.';
    flush();
  }

  function disconnect() {
    connection?.abort();
    connection = null;
  }

  async function connect() {
    disconnect();
    if (document.hidden || ctx.signal.aborted) return;
    const mine = (connection = new AbortController());
    const parameters = Object.fromEntries(FIELDS.map(([name]) => [name, query.get(name)]));
    for (let pause = 1000; !mine.signal.aborted; pause = Math.min(pause * 2, 30_000)) {
      try {
        await stream(path(['events'], parameters), {
          signal: mine.signal,
          opened: () => { pause = 500; trouble.hidden = true; status.textContent = isPaused ? 'Paused; the newest wait.' : 'Live.'; },
          event: receive,
        });
      } catch (error) {
        if (mine.signal.aborted) return;
        if (error.status >= 400 && error.status < 500) return refuse(error);
      }
      if (mine.signal.aborted) return;
      status.textContent = 'Not connected; it is tried again.';
      add(() => remark('The connection ended: what happened until the next one is not here.'));
      await new Promise((resolve) => {
        setTimeout(resolve, pause);
        mine.signal.addEventListener('abort', resolve);
      });
    }
  }

  function refuse(error) {
    status.textContent = 'Not connected.';
    trouble.replaceChildren(h('span', null, error.message),
      error.status === 401
        ? h('button', { type: 'button', click: signIn }, 'Sign in')
        : h('button', { type: 'button', click: connect }, 'Try again'));
    trouble.hidden = false;
  }

  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) return connect();
    if (connection) add(() => remark('You looked elsewhere: what happened meanwhile is not here.'));
    disconnect();
  }, { signal: ctx.signal });
  ctx.signal.addEventListener('abort', () => { disconnect(); clearTimeout(timer); });
  write();
  status.textContent = 'Connecting…';
  tell();
  connect();

  const head = [['Subject'], ['At', 'num'], ['Character', 'num'], ['Pet', 'num'], ['Tenant', 'low'], ['Event']]
    .map(([label, name]) => h('th', { scope: 'col', class: name }, label));
  return {
    title: 'Live events',
    body: [
      h('div', { class: 'toolbar' }, filters, h('span', { class: 'space' }), status, counts, pause,
        h('button', { type: 'button', click: () => { body.replaceChildren(); waiting = []; empty.hidden = false; } }, 'Clear')),
      trouble,
      h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
        h('table', { class: 'events' }, h('caption', null, caption), h('thead', null, h('tr', null, head)), body)),
      empty,
    ],
    update(now) {
      query = now;
      write();
      body.replaceChildren();
      waiting = [];
      Object.assign(seen, { received: 0, missed: 0, unshown: 0 });
      empty.hidden = false;
      tell();
      connect();
    },
  };
}
