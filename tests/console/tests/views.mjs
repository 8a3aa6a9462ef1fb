import assert from 'node:assert/strict';
import { open, settled } from '../browser.mjs';
import { test } from '../harness.mjs';

export const VIEWS = {
  '#/overview': 'Overview', '#/actors': 'Actors', '#/intake': 'Intake', '#/outbox': 'Outbox', '#/dead-letters': 'Dead letters',
  '#/events': 'Live events', '#/audit': 'Audit', '#/process': 'Process',
};

/** Those, and one of each that is opened from a list. */
export async function everyView(api) {
  const views = { ...VIEWS };
  const actor = (await api('actors?kind=character&limit=1')).body.data[0];
  if (actor) views[`#/actors/${actor.tenant}/${actor.number}`] = `Character ${actor.number}`;
  const letter = (await api('dead-letters?limit=1')).body.data[0];
  if (letter) views[`#/dead-letters/${letter.id}`] = 'Dead letter';
  return views;
}

test('every view renders, without an error and without a request elsewhere', async ({ enter, api }) => {
  const page = await enter('#/overview');
  await settled(page);
  for (const [hash, title] of Object.entries(await everyView(api))) {
    await open(page, hash);
    assert.equal(await page.textContent('main h1'), title);
    assert.equal(await page.title(), `${title} · Menagerie`);
    assert.equal(await page.locator('main .trouble:visible').count(), 0, `${hash} has trouble`);
  }
});

test('every file comes with a policy that allows nothing inline and nothing from elsewhere', async ({ at }) => {
  const page = await fetch(`${at.url}/console`);
  assert.equal(page.status, 200, 'the page needs no token');
  const policy = Object.fromEntries(page.headers.get('content-security-policy').split(';').map((part) => {
    const [name, ...values] = part.trim().split(/\s+/);
    return [name, values.join(' ')];
  }));
  const self = Object.fromEntries(['script-src', 'style-src', 'img-src', 'connect-src'].map((name) => [name, "'self'"]));
  const none = Object.fromEntries(['default-src', 'base-uri', 'form-action', 'frame-ancestors'].map((name) => [name, "'none'"]));
  assert.deepEqual(policy, { ...self, ...none });
  assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
  const html = await page.text();
  assert.ok(!/\son\w+=|\sstyle=|<style|<script(?![^>]*\ssrc=)/.test(html), 'nothing is inline');
  for (const [, name] of html.matchAll(/(?:src|href)="(console\/[^"]+)"/g)) {
    assert.equal((await fetch(`${at.url}/${name}`)).status, 200, name);
  }
});

test('an address can be opened anew, and the browser goes back', async ({ enter }) => {
  const page = await enter('#/intake');
  await settled(page);
  assert.equal(await page.textContent('main h1'), 'Intake');
  await page.click('.views a[href="#/audit"]');
  await page.waitForSelector('h1:text-is("Audit")');
  await page.goBack();
  await page.waitForSelector('h1:text-is("Intake")');
  assert.equal(await page.getAttribute('.views a[href="#/intake"]', 'aria-current'), 'page');
});

test('an address that names nothing says so', async ({ enter }) => {
  const page = await enter('#/nothing/%zz');
  await page.waitForSelector('h1:text-is("Nothing here")');
  await open(page, '#/actors/083839c6-c47c-42a6-9585-76492795d123/2000000000');
  assert.match(await page.textContent('main .trouble'), /.+: .+ \(unknown_character, [0-9a-f-]{36}\)/);
});

test('a view says that it is empty', async ({ enter }) => {
  const page = await enter('#/dead-letters?reason=no_such_reason_at_all');
  await settled(page);
  assert.match(await page.textContent('main .state'), /No dead letter/);
});

test('the theme follows the system, can be chosen, and stays chosen', async ({ enter }) => {
  const page = await enter('#/audit', { colorScheme: 'dark' });
  await settled(page);
  const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await back();
  await page.click('#theme');
  assert.equal(await page.textContent('#theme'), 'Theme: light');
  const light = await back();
  assert.notEqual(light, dark);
  await page.reload();
  await settled(page);
  assert.equal(await back(), light);
  await page.click('#theme');
  assert.equal(await back(), dark);
});
