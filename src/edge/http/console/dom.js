// Building elements. Whatever comes from the server becomes text here, never markup.

const SVG = 'http://www.w3.org/2000/svg';

/** An element; functions become listeners, `true` an empty attribute, null and false none. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, '');
    else if (value != null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

let last = 0;

/** An id for `aria-labelledby` and the like. */
export const id = (name) => `${name}-${++last}`;

const FOCUSABLE = 'a[href], button, input, select, summary, [tabindex="0"]';

/** Gives the focus to what `data-focus` calls so, or else to the heading of the view. */
export function focus(key, within = document) {
  const found = key && within.querySelector(`[data-focus="${CSS.escape(key)}"]:not(:disabled)`);
  (found || document.querySelector('main h1'))?.focus({ preventScroll: true });
}

/** Replaces what is inside; whoever was somewhere in there still is, by name or by position. */
export function replace(parent, ...children) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const index = focused ? [...parent.querySelectorAll(FOCUSABLE)].indexOf(focused) : -1;
  const scrolled = [...parent.querySelectorAll('.scroll')].map((element) => element.scrollLeft);
  parent.replaceChildren(...children.flat().filter((child) => child != null && child !== false));
  parent.querySelectorAll('.scroll').forEach((element, at) => (element.scrollLeft = scrolled[at] ?? 0));
  if (!focused) return;
  const there = parent.querySelectorAll(FOCUSABLE)[index];
  if (!focused.dataset.focus && there?.tagName === focused.tagName) there.focus({ preventScroll: true });
  else focus(focused.dataset.focus, parent);
}

/** A list of terms; a null value is a dash. */
export function terms(...pairs) {
  return h('dl', { class: 'terms' }, pairs.filter(Boolean).map(([term, ...value]) =>
    h('div', null, h('dt', null, term), h('dd', null, value.every((v) => v == null) ? '–' : value))));
}

export function section(title, ...children) {
  return h('section', null, h('h2', null, title), children);
}

export const badge = (text, tone) => h('span', { class: `badge ${tone ?? ''}` }, text);

/** Runs at once and then every so often, and never while nobody looks. */
export function poll(run, seconds, signal) {
  let timer;
  let running = false;
  const turn = async () => {
    clearTimeout(timer);
    if (running || document.hidden || signal.aborted) return;
    running = true;
    const began = performance.now();
    await run();
    running = false;
    if (document.hidden || signal.aborted) return;
    timer = setTimeout(turn, Math.max(250, seconds * 1000 - (performance.now() - began)));
  };
  document.addEventListener('visibilitychange', turn, { signal });
  signal.addEventListener('abort', () => clearTimeout(timer));
  turn();
}
