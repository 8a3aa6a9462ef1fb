// Behaviours, one after the other, a line for each.
import { launch, target, visit } from './browser.mjs';

const DEADLINE = 120_000;
const PATIENCE = 15_000;
const tests = [];

/** A behaviour. `run` gets `{ at, api, enter, need }`. */
export const test = (name, run) => tests.push({ name, run });

class Skipped extends Error {
  constructor(what, isOptional) {
    super(`there is no ${what}`);
    this.isOptional = isOptional;
  }
}

/** Waits until `look` answers something, or no longer than is reasonable. */
export async function until(what, look) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Hides the page as another tab would, or shows it again. */
export const hide = (page, isHidden) => page.evaluate((value) => {
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
  Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (value ? 'hidden' : 'visible') });
  document.dispatchEvent(new Event('visibilitychange'));
}, isHidden);

function world(browser, at) {
  const visits = [];
  return {
    at,
    /** A page; it is signed in as an operator unless `role` is `viewer` or null. */
    async enter(hash, { role = 'operator', ...options } = {}) {
      const visited = await visit(browser, at, { hash, token: role && at[role], ...options });
      visits.push(visited);
      return visited.page;
    },
    /** Asks the API itself; answers `{ status, body }`. */
    async api(path, { method = 'GET', role = 'operator', body } = {}) {
      const response = await fetch(`${at.url}/admin/${path}`, {
        method, body: body && JSON.stringify(body),
        headers: { ...(role && { Authorization: `Bearer ${at[role] ?? role}` }), ...(body && { 'Content-Type': 'application/json' }) },
      });
      const text = await response.text();
      return { status: response.status, body: text ? JSON.parse(text) : null };
    },
    /** What is asked for has to be there; a real process may lack it, if it is optional even under CONSOLE_STRICT. */
    need(value, what, { isOptional = false } = {}) {
      if (value) return value;
      throw new Skipped(what, isOptional);
    },
    /** Nothing may have gone wrong on any page, whatever the test was about. */
    async end() {
      await Promise.all(visits.map(({ close }) => close()));
      const faults = visits.flatMap((visited) => visited.faults);
      if (faults.length) throw new Error(`on the page: ${[...new Set(faults)].join(' | ')}`);
    },
  };
}

async function attempt({ run }, browser, at) {
  const here = world(browser, at);
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`not done in ${DEADLINE / 1000} s`)), DEADLINE)));
  try {
    await Promise.race([run(here), late]);
  } finally {
    clearTimeout(timer);
    await here.end();
  }
}

/** Runs all, or those whose name contains one of `words`; answers whether none failed. */
export async function runAll(words) {
  const at = await target();
  const browser = await launch();
  const num = { passed: 0, failed: 0, skipped: 0 };
  for (const each of tests) {
    if (words.length && !words.some((word) => each.name.includes(word))) continue;
    const began = Date.now();
    try {
      await attempt(each, browser, at);
      num.passed++;
      console.log(`ok    ${each.name} (${Date.now() - began} ms)`);
    } catch (error) {
      const mayLack = !at.mock && (error.isOptional || process.env.CONSOLE_STRICT !== '1');
      const isSkipped = error instanceof Skipped && mayLack;
      num[isSkipped ? 'skipped' : 'failed']++;
      console.log(isSkipped ? `skip  ${each.name}: ${error.message}` : `FAIL  ${each.name}\n      ${String(error.stack).replaceAll('\n', '\n      ')}`);
    }
  }
  await browser.close();
  at.close();
  console.log(`${num.passed} passed, ${num.failed} failed, ${num.skipped} skipped`);
  return num.failed === 0 && num.passed > 0;
}
