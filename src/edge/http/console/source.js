// What is loaded into a view: it shows that it loads, is empty, failed, or has grown stale.
import { h, poll, replace } from './dom.js';
import { seconds as duration, time } from './format.js';
import { retry as signIn } from './session.js';

const OFTEN = 5;

/**
 * `load(signal)` fetches, `show(data)` answers the elements of it. `auto` is whether it is
 * loaded again every few seconds from the start; anybody may change that, unless it is null.
 */
export function source({ signal, load, show, auto = false, tools = [] }) {
  const as_of = h('span', { class: 'as-of' });
  const trouble = h('div', { class: 'trouble', role: 'alert', hidden: true });
  const place = h('div', { 'aria-busy': 'true' }, h('p', { class: 'state' }, 'Loading…'));
  const again = h('button', { type: 'button', click: () => refresh() }, 'Refresh');
  const often = h('input', { type: 'checkbox', checked: auto, change: () => keep() });
  let has = null;
  let current;
  let polling;

  async function refresh() {
    current?.abort();
    const mine = (current = new AbortController());
    place.setAttribute('aria-busy', 'true');
    try {
      const data = await load(AbortSignal.any([signal, mine.signal]));
      if (mine.signal.aborted || signal.aborted) return;
      has = new Date();
      trouble.hidden = true;
      trouble.replaceChildren();
      place.classList.remove('stale');
      as_of.replaceChildren('as of ', time(has));
      replace(place, show(data));
    } catch (error) {
      if (mine.signal.aborted || signal.aborted) return;
      if (!(error instanceof Error) || error.status === undefined) console.error(error);
      fail(error);
    }
    place.removeAttribute('aria-busy');
  }

  function fail(error) {
    const refused = error.status === 401;
    const action = refused
      ? h('button', { type: 'button', click: signIn }, 'Sign in')
      : h('button', { type: 'button', click: () => refresh() }, 'Try again');
    const said = has ? `Stale, from ${duration((Date.now() - has) / 1000)} ago. ${error.message}` : error.message;
    if (trouble.hidden || trouble.dataset.said !== error.message) {
      trouble.dataset.said = error.message;
      trouble.replaceChildren(h('span', null, said), action);
      trouble.hidden = false;
    }
    place.classList.toggle('stale', Boolean(has));
    if (!has) replace(place);
    // Nobody's credentials get better by asking again.
    if (refused) polling?.abort();
  }

  /** Nothing is replaced under a question, or while somebody marks what they want to copy. */
  function isInHand() {
    const marked = getSelection();
    return document.querySelector('dialog[open]') || (!marked.isCollapsed && place.contains(marked.anchorNode));
  }

  /** The first turn of the poll is the first load, too. */
  function keep() {
    polling?.abort();
    if (!often.checked) return;
    polling = new AbortController();
    poll(() => isInHand() || refresh(), OFTEN, AbortSignal.any([signal, polling.signal]));
  }

  if (auto) keep();
  else refresh();
  const element = h('div', { class: 'source' },
    h('div', { class: 'toolbar' }, tools, h('span', { class: 'space' }), as_of,
      auto !== null && h('label', { class: 'check' }, often, `every ${OFTEN} s`), again),
    trouble, place);
  return { element, refresh };
}
