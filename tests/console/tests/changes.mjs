import assert from 'node:assert/strict';
import { open, settled } from '../browser.mjs';
import { test, until } from '../harness.mjs';

/**
 * Presses a button that asks first. Cancelled, nothing is sent; confirmed, one request is, and
 * its answer is given.
 */
async function press(page, label, { path, method = 'POST', type, says }) {
  const sent = [];
  const note = (request) => request.method() !== 'GET' && sent.push(`${request.method()} ${new URL(request.url()).pathname}`);
  page.on('request', note);
  const button = page.locator('main').getByRole('button', { name: label, exact: true }).first();
  await button.click();
  await page.waitForSelector('dialog[open]');
  if (says) assert.match(await page.textContent('dialog'), says, 'it says what will happen');
  await page.click('dialog button:text-is("Cancel")');
  await page.waitForSelector('dialog', { state: 'detached' });
  assert.deepEqual(sent, [], 'nothing is done if cancelled');
  await button.click();
  if (type) await page.fill('dialog input', type);
  const [response] = await Promise.all([
    page.waitForResponse((r) => r.request().method() === method && new URL(r.url()).pathname === `/admin/${path}`),
    page.click('dialog button[type=submit]'),
  ]);
  await page.waitForSelector('dialog', { state: 'detached' });
  assert.deepEqual(sent, [`${method} /admin/${path}`], 'and done once if confirmed');
  page.off('request', note);
  await settled(page);
  return response;
}

const said = (page, text) => page.waitForSelector(`#status .notice:has-text("${text}")`);
const newest = async (api) => (await api('audit?limit=1')).body.data[0];

async function audited(api, before) {
  const entry = await until('it is in the audit log', async () => {
    const now = await newest(api);
    return now && now.id !== before?.id && now;
  });
  assert.equal(entry.outcome, 'done');
  assert.equal(entry.role, 'operator');
  return entry;
}

/** Those that tests/console.rs sends in. */
const STEADY = [900_000, 910_000, 920_000];

async function one(api, need, online) {
  const { body } = await api(`actors?kind=character&online=${online}&limit=200`);
  // Others may come and go meanwhile; these only if they are asked to. Numbers drawn since are above theirs.
  const steady = body.data.find(({ number }) => STEADY.includes(number));
  return need(steady ?? body.data[0], online ? 'character online' : 'character in memory and offline');
}

test('passivate takes an offline character out of memory', async ({ enter, api, need }) => {
  const { tenant, number } = await one(api, need, false);
  const before = await newest(api);
  const page = await enter(`#/actors/${tenant}/${number}`);
  await settled(page);
  const response = await press(page, 'Passivate', { path: `actors/${tenant}/${number}/passivate`, says: /leaves memory/ });
  assert.equal(response.status(), 204);
  await said(page, 'passivate is done');
  assert.equal((await api(`actors/${tenant}/${number}`)).body.state, 'stored');
  await page.waitForSelector('main .badge:text-is("stored")');
  assert.ok(await page.isDisabled('button:text-is("Passivate")'));
  assert.match((await audited(api, before)).target, new RegExp(`/${number}$`));
});

test('kick ends a session, with a reason for the audit log', async ({ enter, api, need }) => {
  const { tenant, number } = await one(api, need, true);
  const before = await newest(api);
  const page = await enter(`#/actors/${tenant}/${number}`);
  await settled(page);
  assert.ok(await page.isDisabled('button:text-is("Passivate")'), 'one that is online is not passivated');
  const response = await press(page, 'Kick', { path: `actors/${tenant}/${number}/kick`, type: 'a test of the console', says: /session ends/ });
  assert.equal(response.status(), 204);
  assert.deepEqual(response.request().postDataJSON(), { reason: 'a test of the console' });
  await said(page, 'kick is done');
  assert.notEqual((await api(`actors/${tenant}/${number}`)).body.state, 'online');
  const entry = await audited(api, before);
  assert.equal(entry.action, 'kick');
  await open(page, '#/audit');
  const row = page.locator('main tbody tr').first();
  assert.match(await row.textContent(), /kick/);
  assert.equal(await row.locator('a').getAttribute('href'), `#/actors/${tenant}/${number}`);
});

test('restart builds an actor anew', async ({ enter, api, need }) => {
  const { tenant, number } = await one(api, need, true);
  const before = await newest(api);
  const page = await enter(`#/actors/${tenant}/${number}`);
  await settled(page);
  const response = await press(page, 'Restart', { path: `actors/${tenant}/${number}/restart`, says: /built anew/ });
  assert.equal(response.status(), 204);
  await said(page, 'restart is done');
  assert.equal((await audited(api, before)).action, 'restart');
  assert.equal((await api(`actors/${tenant}/${number}`)).status, 200);
});

test('what the API refuses is said, and the view goes on', async ({ enter, api, need }) => {
  const { tenant, number } = await one(api, need, true);
  const page = await enter(`#/actors/${tenant}/${number}`);
  await settled(page);
  await page.route('**/kick', (route) => route.fulfill({ status: 409, contentType: 'application/problem+json',
    body: JSON.stringify({ title: 'Not online', detail: 'it went', status: 409, code: 'not_online', request_id: 'r-1' }) }));
  await page.click('button:text-is("Kick")');
  await page.click('dialog button[type=submit]');
  await page.waitForSelector('#alerts .notice:has-text("Not online: it went (not_online, r-1)")');
  assert.ok(await page.isEnabled('button:text-is("Kick")'));
});

test('intake is paused and resumed', async ({ enter, api }) => {
  const page = await enter('#/intake');
  await settled(page);
  await press(page, 'Pause intake', { path: 'intake/pause', says: /lag grows/ });
  await said(page, 'Intake is paused');
  const paused = (await api('intake')).body;
  assert.equal(paused.paused, true);
  assert.ok(paused.partitions.every(({ pause_reason }) => pause_reason === 'operator'));
  await press(page, 'Resume intake', { path: 'intake/resume', says: /read again/ });
  assert.equal((await api('intake')).body.paused, false);
  await page.waitForSelector('button:text-is("Pause intake")');
});

test('parked events are published again', async ({ enter, api, need, at }) => {
  const { sinks } = (await api('outbox')).body;
  const index = need(sinks.findIndex(({ sink }) => sink === 'nats') + 1, 'outbox for NATS') - 1;
  const { parked } = sinks[index];
  const page = await enter('#/outbox');
  await settled(page);
  const row = page.locator('main tbody tr').nth(index);
  await row.getByRole('button').click();
  assert.match(await page.textContent('dialog'), parked ? new RegExp(`${parked} parked events`) : /Nothing is parked/);
  const [response] = await Promise.all([page.waitForResponse('**/admin/outbox/nats/retry'), page.click('dialog button[type=submit]')]);
  const answer = await response.json();
  assert.ok(answer.retried + answer.parked >= parked);
  if (!at.mock) assert.ok(answer.retried > 0, 'one at least was parked, and was taken this time');
  await said(page, `nats: ${answer.retried} published, ${answer.parked} stay parked.`);
  await settled(page);
  assert.equal((await api('outbox')).body.sinks[index].parked, answer.parked);
});

async function letterOf(api, need, is) {
  const { data } = (await api('dead-letters?limit=200')).body;
  return need(data.findLast(is), 'such dead letter');
}

test('a dead letter is dropped for good', async ({ enter, api, need }) => {
  const { id } = await letterOf(api, need, () => true);
  const page = await enter(`#/dead-letters/${id}`);
  await settled(page);
  const response = await press(page, 'Drop', { path: `dead-letters/${id}`, method: 'DELETE', says: /forgotten for good/ });
  assert.equal(response.status(), 204);
  await said(page, 'dropped');
  await page.waitForSelector('h1:text-is("Dead letters")');
  const gone = await api(`dead-letters/${id}`);
  assert.deepEqual([gone.status, gone.body.code], [404, 'unknown_dead_letter']);
});

test('a dead letter is redelivered, and gone or kept by what came of it', async ({ enter, api, need }) => {
  // The world of the tests holds a letter that fails again, and one that works now.
  for (const [is, stays] of [[(l) => l.reason === 'malformed', true], [(l) => l.reason === 'panic', false]]) {
    const { id } = await letterOf(api, need, is);
    const page = await enter(`#/dead-letters/${id}`);
    await settled(page);
    const response = await press(page, 'Redeliver', { path: `dead-letters/${id}/redeliver`, says: /original bytes/ });
    const { outcome } = await response.json();
    await said(page, `Redelivered: ${outcome}`);
    assert.equal(outcome, stays ? 'dead_letter' : 'applied');
    assert.equal((await api(`dead-letters/${id}`)).status, stays ? 200 : 404);
    await page.waitForSelector(`h1:text-is("${stays ? 'Dead letter' : 'Dead letters'}")`);
  }
});

test('the log level is changed, and a level that is none refused', async ({ enter, api }) => {
  const page = await enter('#/process');
  await settled(page);
  const before = (await api('log-level')).body.level;
  await press(page, 'Change', { path: 'log-level', method: 'PUT', type: 'info,menagerie=debug,menagerie::engine=info', says: /until the process ends/ });
  await page.waitForFunction(() => document.querySelector('#log-level').textContent.includes('menagerie::engine=info'));
  assert.match((await api('log-level')).body.level, /menagerie::engine=info/);
  await page.click('button:text-is("Change")');
  await page.fill('dialog input', '!!! no level');
  await page.click('dialog button[type=submit]');
  await page.waitForSelector('#alerts .notice:has-text("invalid_field")');
  await api('log-level', { method: 'PUT', body: { level: before } });
});

test('the process is drained only by whoever types its shard', async ({ enter, api, at, need }) => {
  need(at.mock || process.env.CONSOLE_DRAIN === '1', 'leave to end the process (CONSOLE_DRAIN=1)');
  const page = await enter('#/process');
  await settled(page);
  const { id } = (await api('shards')).body.data.find(({ here }) => here);
  await page.click('button:text-is("Drain this process")');
  const yes = page.locator('dialog button[type=submit]');
  assert.ok(await yes.isDisabled());
  await page.fill('dialog input', `${id}x`);
  assert.ok(await yes.isDisabled());
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('dialog[open]').count(), 1);
  await page.fill('dialog input', id);
  const [response] = await Promise.all([page.waitForResponse('**/admin/drain'), yes.click()]);
  assert.equal(response.status(), 202);
  await said(page, 'The process is draining');
});
