// A Chromium and what is asked of it: the mock or, by CONSOLE_URL, a real process.
import { chromium } from 'playwright-core';
import { TOKENS, start } from './mock.mjs';

/** Where to, and with which tokens; `mock` is null where CONSOLE_URL names a real process. */
export async function target({ hostile = true } = {}) {
  const url = process.env.CONSOLE_URL?.replace(/\/(console)?$/, '');
  if (!url) {
    const mock = await start({ hostile });
    return { url: mock.url, mock, operator: TOKENS.operator, viewer: TOKENS.viewer, close: mock.close };
  }
  const { CONSOLE_OPERATOR: operator, CONSOLE_VIEWER: viewer } = process.env;
  if (!operator || !viewer) throw new Error('CONSOLE_URL needs CONSOLE_OPERATOR and CONSOLE_VIEWER');
  return { url, mock: null, operator, viewer, close() {} };
}

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
});

/** A page of its own that is signed in with `token`, and keeps what went wrong in `faults`. */
export async function visit(browser, target, { token, hash = '', ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const faults = [];
  const { origin } = new URL(target.url);
  page.on('pageerror', (error) => faults.push(`exception: ${error.message}`));
  page.on('console', (message) => {
    // Chromium writes an error for every answer of 400 and more; those are asked for here.
    if (['error', 'warning'].includes(message.type()) && !/Failed to load resource/.test(message.text())) faults.push(message.text());
  });
  page.on('request', (request) => new URL(request.url()).origin === origin || faults.push(`request to ${request.url()}`));
  // Once only, so that a later sign-out lasts.
  if (token) await page.addInitScript((value) => {
    if (!sessionStorage.getItem('seeded')) sessionStorage.setItem('menagerie.token', value);
    sessionStorage.setItem('seeded', '1');
  }, token);
  await page.goto(`${target.url}/console${hash}`);
  return { page, faults, close: () => context.close() };
}

/** A view that has loaded. */
export async function open(page, hash) {
  await page.evaluate((to) => location.hash === to || new Promise((resolve) => {
    addEventListener('hashchange', resolve, { once: true });
    location.hash = to;
  }), hash);
  await settled(page);
}

export const settled = (page) => page.waitForFunction(() =>
  document.querySelector('main h1')?.textContent !== 'Menagerie'
  && !document.querySelector('main [aria-busy="true"]')
  && ![...document.querySelectorAll('main .state')].some((state) => state.textContent === 'Loading…'));
