import assert from 'node:assert/strict';
import { open, settled } from '../browser.mjs';
import { hide, test, until } from '../harness.mjs';

const subjects = (page) => page.locator('.events tbody th').allTextContents();
const someEvents = (page, num = 3) => until(`${num} events`, async () => (await subjects(page)).length >= num);

test('events are shown as they happen, and one can be opened', async ({ enter }) => {
  const page = await enter('#/events');
  await someEvents(page);
  assert.match(await page.textContent('main .as-of'), /^[\d,]+ received/);
  await page.click('button:text-is("Pause")');
  await page.locator('.events summary').first().click();
  const written = JSON.parse(await page.locator('.events details pre').first().textContent());
  assert.equal(typeof written, 'object');
});

test('events are filtered by subject, character and pet', async ({ enter, need }) => {
  const page = await enter('#/events');
  await someEvents(page, 6);
  const rows = await page.locator('.events tbody tr:not(.remark)').evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent)));
  const cases = { subject: rows[0][0], character: need(rows.find(([, , character]) => /^\d+$/.test(character)), 'event of a character')[2],
    pet: rows.find(([, , , pet]) => /^\d+$/.test(pet))?.[3] };
  for (const [index, name] of [[0, 'subject'], [2, 'character'], [3, 'pet']]) {
    if (!cases[name]) continue;
    for (const [other] of Object.entries(cases)) await page.fill(`input[name=${other}]`, other === name ? cases[name] : '');
    await page.press(`input[name=${name}]`, 'Enter');
    await someEvents(page);
    const found = await page.locator(`.events tbody tr:not(.remark) > :nth-child(${index + 1})`).allTextContents();
    assert.ok(found.every((text) => text === cases[name]), `${name}: ${found}`);
    assert.ok(page.url().includes(`${name}=`));
  }
  await page.fill('input[name=pet]', '');
  await page.fill('input[name=character]', '');
  await page.fill('input[name=subject]', 'no.such.subject');
  await page.press('input[name=subject]', 'Enter');
  await page.waitForTimeout(1500);
  assert.equal((await subjects(page)).length, 0);
});

test('events can be held still and go on', async ({ enter }) => {
  const page = await enter('#/events');
  await someEvents(page);
  // Whole rows: where 500 are shown already, newer ones take their places.
  const rows = () => page.locator('.events tbody tr').allTextContents();
  await page.click('button:text-is("Pause")');
  const held = await rows();
  await until('some wait', async () => /\d wait/.test(await page.textContent('main .as-of')));
  assert.deepEqual(await rows(), held);
  await page.click('button:text-is("Resume")');
  await until('they are shown', async () => (await rows())[0] !== held[0]);
});

test('the page is told what it missed, and keeps 500 rows at most', async ({ enter }) => {
  const page = await enter('#/audit');
  await settled(page);
  const one = (n) => `event: pet.fed\ndata: ${JSON.stringify({ subject: 'pet.fed', tenant: null, character: null, pet: n, at: new Date().toISOString(), event: { n } })}\n\n`;
  let served = 0;
  await page.route('**/admin/events*', (route) => (served++ ? route.abort() : route.fulfill({
    contentType: 'text/event-stream', body: `${Array.from({ length: 700 }, (_, n) => one(n)).join('')}event: missed\ndata: {"missed": 120}\n\n` })));
  await open(page, '#/events');
  await page.waitForSelector('.remark:has-text("120 missed")');
  assert.match(await page.textContent('main .as-of'), /700 received, 120 missed/);
  assert.ok((await page.locator('.events tbody tr').count()) <= 500);
  assert.equal(await page.locator('.events tbody tr:not(.remark) td:nth-child(4)').first().textContent(), '699', 'the newest is kept');
  await page.waitForSelector('.remark:has-text("connection ended")');
});

test('nothing is connected while the page is hidden, or another view is open', async ({ enter }) => {
  const page = await enter('#/events');
  const ended = [];
  let begun = 0;
  page.on('requestfailed', (request) => request.url().includes('/admin/events') && ended.push(request));
  page.on('request', (request) => request.url().includes('/admin/events') && begun++);
  await page.waitForSelector('main [role=status]:text-is("Live.")');
  begun = 0;
  await hide(page, true);
  await until('it is closed', () => ended.length === 1);
  await hide(page, false);
  await until('it is opened again', () => begun === 1);
  await page.waitForSelector('main [role=status]:text-is("Live.")');
  await open(page, '#/audit');
  await until('it is closed', () => ended.length === 2);
});
