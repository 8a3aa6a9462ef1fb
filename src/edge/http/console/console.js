// The console: which view is shown, by the address after #.
import { actor } from './actor.js';
import { actors } from './actors.js';
import { get, path } from './api.js';
import { audit } from './audit.js';
import { h } from './dom.js';
import { events } from './events.js';
import { intake } from './intake.js';
import { letter, letters } from './letters.js';
import { outbox } from './outbox.js';
import { overview } from './overview.js';
import { process } from './process.js';
import { changes, load, session } from './session.js';
import { showShard } from './shard.js';

const main = document.getElementById('main');
let current = null;

function view(parts) {
  const [name, ...rest] = parts;
  if (name === 'actors' && rest.length === 2) return actor;
  if (name === 'dead-letters' && rest.length === 1) return letter;
  if (rest.length) return nowhere;
  return { overview, actors, intake, outbox, 'dead-letters': letters, events, audit, process }[name] ?? nowhere;
}

const nowhere = () => ({ title: 'Nothing here', body: [h('p', { class: 'state' }, 'There is no such view. ', h('a', { href: '#/overview' }, 'Overview'))] });

function place() {
  const [where, search] = location.hash.replace(/^#\/?/, '').split('?');
  let parts = ['nowhere', 'at all'];
  try {
    parts = (where || 'overview').split('/').map(decodeURIComponent);
  } catch { /* half an escape: there is no such view */ }
  return { parts, key: parts.join('/'), query: new URLSearchParams(search) };
}

/** Another view gets the focus on its heading; filters and pages leave it where it is. */
function route({ anew = false } = {}) {
  const { parts, key, query } = place();
  if (!anew && current?.key === key && current.shown.update) return current.shown.update(query);
  const isFirst = !current;
  const isSame = current?.key === key;
  current?.end.abort();
  const end = new AbortController();
  const shown = view(parts)({ parts, query, signal: end.signal, go });
  current = { key, end, shown };
  const heading = h('h1', { tabindex: '-1' }, shown.title);
  main.replaceChildren(heading, ...shown.body.filter(Boolean));
  document.title = `${shown.title} · Menagerie`;
  for (const link of document.querySelectorAll('.views a')) {
    const isHere = link.hash === `#/${parts[0]}`;
    if (isHere) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  if (isFirst || isSame) return;
  scrollTo(0, 0);
  heading.focus({ preventScroll: true });
}

/** `page` is the number of a page of a list, kept beside the address: a cursor has none. */
function go(hash, page = 1) {
  history.pushState({ page }, '', hash);
  route();
}

document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});

const theme = document.getElementById('theme');
const THEMES = ['system', 'light', 'dark'];

function showTheme() {
  const chosen = document.documentElement.dataset.theme ?? 'system';
  theme.textContent = `Theme: ${chosen}`;
  return chosen;
}

theme.addEventListener('click', () => {
  const next = THEMES[(THEMES.indexOf(showTheme()) + 1) % THEMES.length];
  if (next === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  localStorage.setItem('menagerie.theme', next);
  showTheme();
});

showTheme();
addEventListener('hashchange', () => route());
changes.addEventListener('change', () => {
  document.getElementById('shard').replaceChildren();
  if (current) start();
});

function start() {
  route({ anew: true });
  if (session.role) get(path(['shards']), current.end.signal).then(showShard, () => {});
}

await load();
start();
