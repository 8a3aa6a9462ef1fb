import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { open, settled } from '../browser.mjs';
import { test, until } from '../harness.mjs';
import { everyView } from './views.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };

async function audit(page, where) {
  const violations = await page.evaluate(async () => (await window.axe.run(document, { resultTypes: ['violations'] })).violations
    .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 140)} ${node.any[0]?.message ?? ''}`).join(' ; ')}`));
  assert.deepEqual(violations, [], where);
}

const focused = (page) => page.evaluate(() => {
  const at = document.activeElement;
  return { tag: at.tagName, text: at.textContent.trim().slice(0, 40), inDialog: Boolean(at.closest('dialog')), name: at.getAttribute('name') };
});

/** Goes on with the key until something has the focus. */
async function tabTo(page, what, is) {
  for (let n = 0; n < 120; n++) {
    await page.keyboard.press('Tab');
    if (is(await focused(page))) return;
  }
  throw new Error(`the keyboard does not get to ${what}`);
}

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing on any view, its dialogs and its notices (${colorScheme})`, async ({ enter, api }) => {
    const page = await enter('#/overview', { colorScheme });
    await settled(page);
    await page.evaluate(AXE);
    for (const hash of Object.keys(await everyView(api))) {
      await open(page, hash);
      if (hash === '#/overview') await page.waitForSelector('[data-card="rounds"] data[value]:not([value=""])');
      if (hash === '#/events') await page.waitForTimeout(1000);
      await audit(page, hash);
      const button = page.locator('main .change button:enabled').first();
      if (!(await button.count())) continue;
      await button.click();
      await audit(page, `the dialog of ${hash}`);
      await page.keyboard.press('Escape');
    }
    await open(page, '#/actors/083839c6-c47c-42a6-9585-76492795d123/2000000000');
    await audit(page, 'an error');
  });

  test(`axe finds nothing where a viewer looks, on a phone, and at the prompt (${colorScheme})`, async ({ enter, api }) => {
    const page = await enter('#/overview', { role: 'viewer', colorScheme, ...PHONE });
    await settled(page);
    await page.evaluate(AXE);
    for (const hash of Object.keys(await everyView(api))) {
      await open(page, hash);
      await audit(page, hash);
    }
    const stranger = await enter('#/overview', { role: null, colorScheme });
    await stranger.waitForSelector('dialog[open]');
    await stranger.evaluate(AXE);
    await audit(stranger, 'the prompt');
  });
}

test('a phone of 360 px shows every view without moving sideways', async ({ enter, api }) => {
  const page = await enter('#/overview', PHONE);
  await settled(page);
  for (const hash of Object.keys(await everyView(api))) {
    await open(page, hash);
    if (hash === '#/events') await page.waitForTimeout(1000);
    const { wide, beyond } = await page.evaluate(() => ({
      wide: document.scrollingElement.scrollWidth,
      beyond: [...document.querySelectorAll('main *')].filter((e) => !e.closest('.scroll, svg, .skip') && e.getBoundingClientRect().right > 360.5).map((e) => e.outerHTML.slice(0, 80)),
    }));
    assert.ok(wide <= 360, `${hash} is ${wide} px wide`);
    assert.deepEqual(beyond, [], hash);
    const button = page.locator('main .change button:enabled').first();
    if (!(await button.count())) continue;
    await button.click();
    const { x, width } = await page.locator('dialog').boundingBox();
    assert.ok(x >= 0 && x + width <= 360, `the dialog of ${hash}`);
    await page.keyboard.press('Escape');
  }
});

test('the keyboard alone gets everywhere: skip link, views, an actor, its dialog, and out again', async ({ enter, api, need }) => {
  const some = need((await api('actors?kind=character&online=true&limit=1')).body.data[0], 'character online');
  const page = await enter('#/overview');
  await settled(page);
  await page.keyboard.press('Tab');
  assert.match((await focused(page)).text, /Skip/);
  await page.keyboard.press('Enter');
  assert.equal((await focused(page)).tag, 'MAIN');
  await page.reload();
  await settled(page);
  await tabTo(page, 'the view of actors', ({ tag, text }) => tag === 'A' && text === 'Actors');
  await page.keyboard.press('Enter');
  await page.waitForSelector('h1:text-is("Actors")');
  assert.deepEqual([(await focused(page)).tag, (await focused(page)).text], ['H1', 'Actors'], 'the heading of the new view has the focus');
  await settled(page);
  await tabTo(page, 'the search', ({ name }) => name === 'q');
  await page.keyboard.type(String(some.number));
  await page.keyboard.press('Enter');
  await until('it is found', async () => (await page.locator('main tbody tr').count()) === 1);
  assert.equal((await focused(page)).name, 'q', 'the search keeps the focus');
  await tabTo(page, 'sorting', ({ text }) => text.startsWith('Mailbox'));
  await page.keyboard.press('Enter');
  await page.waitForSelector('[aria-sort=descending]');
  assert.ok((await focused(page)).text.startsWith('Mailbox'), 'the header keeps the focus');
  await tabTo(page, 'the actor', ({ tag, text }) => tag === 'A' && text === String(some.number));
  await page.keyboard.press('Enter');
  await page.waitForSelector(`h1:text-is("Character ${some.number}")`);
  await settled(page);
  await tabTo(page, 'restart', ({ text }) => text === 'Restart');
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog[open]');
  assert.deepEqual([(await focused(page)).inDialog, (await focused(page)).text], [true, 'Cancel'], 'what is dangerous is not the first');
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
  assert.equal((await focused(page)).text, 'Restart', 'the focus is back');
});

test('the keyboard keeps its place when a view is loaded again', async ({ enter }) => {
  const page = await enter('#/outbox');
  await settled(page);
  await tabTo(page, 'retry', ({ text }) => text === 'Retry');
  const before = await page.evaluate(() => document.activeElement.dataset.focus);
  await page.evaluate(() => (document.activeElement.seen = true));
  await until('it is loaded again', () => page.evaluate(() => !document.activeElement.seen));
  assert.equal(await page.evaluate(() => document.activeElement.dataset.focus), before);
});

test('tables have captions and scopes, and there is one main heading', async ({ enter, api }) => {
  const page = await enter('#/overview');
  await settled(page);
  for (const hash of Object.keys(await everyView(api))) {
    await open(page, hash);
    const wrong = await page.evaluate(() => [
      document.querySelectorAll('h1').length === 1 ? null : 'headings',
      ...[...document.querySelectorAll('table')].map((table) => (table.caption?.textContent ? null : 'a table without a caption')),
      ...[...document.querySelectorAll('th')].map((th) => (th.scope ? null : 'a header without a scope')),
    ].filter(Boolean));
    assert.deepEqual(wrong, [], hash);
  }
});
