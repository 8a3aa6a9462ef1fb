import assert from 'node:assert/strict';
import { open, settled } from '../browser.mjs';
import { hide, test } from '../harness.mjs';
import { everyView } from './views.mjs';

const signIn = async (page, token) => {
  await page.fill('dialog input[type=password]', token);
  await page.press('dialog input[type=password]', 'Enter');
};

test('without a token one is asked for, a wrong one is refused, a right one kept in this tab only', async ({ enter, at }) => {
  const page = await enter('#/actors', { role: null });
  await page.waitForSelector('dialog[open]');
  assert.equal(await page.textContent('dialog h2'), 'Sign in');
  await signIn(page, 'no-such-token');
  await page.waitForSelector('dialog .wrong:text-is("This token is not accepted.")');
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await signIn(page, at.operator);
  await page.waitForSelector('dialog', { state: 'detached' });
  await settled(page);
  assert.ok(await page.locator('main tbody tr').count());
  assert.match(await page.textContent('#who'), /operator/);
  const kept = await page.evaluate((token) => ({
    session: JSON.stringify(sessionStorage).includes(token), local: JSON.stringify(localStorage).includes(token),
    cookie: document.cookie, address: location.href.includes(token),
  }), at.operator);
  assert.deepEqual(kept, { session: true, local: false, cookie: '', address: false });
});

test('whoever signs out sees nothing more, and may sign in again', async ({ enter, at }) => {
  const page = await enter('#/actors');
  await settled(page);
  await page.click('#sign-out');
  await page.waitForSelector('main .trouble button:text-is("Sign in")');
  assert.equal(await page.locator('main tbody tr').count(), 0);
  assert.equal(await page.evaluate(() => sessionStorage.getItem('menagerie.token')), null);
  assert.equal(await page.locator('dialog').count(), 0, 'it is not asked for at once');
  await page.click('#sign-in');
  await signIn(page, at.viewer);
  await page.waitForSelector('main tbody tr');
  assert.match(await page.textContent('#who'), /viewer/);
});

test('whoever closes the prompt still has the metrics, and is not asked again and again', async ({ enter }) => {
  const page = await enter('#/overview', { role: null });
  await page.waitForSelector('dialog[open]');
  await page.keyboard.press('Escape');
  await page.waitForSelector('[data-card="online"] data[value]:not([value=""])');
  for (const hash of ['#/intake', '#/events', '#/audit']) {
    await open(page, hash);
    await page.waitForSelector('main .trouble button:text-is("Sign in")');
    assert.equal(await page.locator('dialog').count(), 0);
  }
});

test('a token that is taken away while somebody looks is asked for again', async ({ enter, at }) => {
  const page = await enter('#/outbox');
  await settled(page);
  await page.evaluate(() => sessionStorage.setItem('menagerie.token', 'expired'));
  await page.click('button:text-is("Refresh")');
  await page.waitForSelector('dialog[open]');
  await signIn(page, at.operator);
  await page.waitForSelector('dialog', { state: 'detached' });
  await settled(page);
  assert.ok(await page.locator('main tbody tr').count());
});

test('a viewer sees everything and cannot press what changes something', async ({ enter, api }) => {
  const page = await enter('#/overview', { role: 'viewer' });
  await settled(page);
  let num = 0;
  for (const hash of Object.keys(await everyView(api))) {
    await open(page, hash);
    for (const button of await page.locator('main .change button').all()) {
      num++;
      assert.ok(await button.isDisabled(), `${hash}: ${await button.textContent()}`);
      const reason = await button.getAttribute('aria-describedby');
      assert.match(await page.textContent(`[id="${reason}"]`), /You are a viewer/);
      // Not by a script's click either.
      await button.evaluate((element) => element.click());
      assert.equal(await page.locator('dialog').count(), 0);
    }
  }
  assert.ok(num >= 5, `only ${num} buttons were found`);
});

test('the API refuses a viewer anyway, and nobody at all', async ({ api }) => {
  const changes = [['POST', 'intake/pause'], ['POST', 'intake/resume'], ['POST', 'outbox/nats/retry'], ['POST', 'drain'],
    ['PUT', 'log-level', { level: 'trace' }], ['POST', 'actors/083839c6-c47c-42a6-9585-76492795d123/1/kick', {}],
    ['DELETE', 'dead-letters/0199c0de-0000-7000-8000-000000000001'], ['POST', 'dead-letters/0199c0de-0000-7000-8000-000000000001/redeliver']];
  for (const [method, path, body] of changes) {
    const viewer = await api(path, { method, body, role: 'viewer' });
    assert.deepEqual([viewer.status, viewer.body.code], [403, 'forbidden'], path);
    for (const role of [null, 'wrong-token']) assert.equal((await api(path, { method, body, role })).status, 401, path);
  }
  for (const path of ['whoami', 'actors', 'intake', 'outbox', 'dead-letters', 'shards', 'log-level', 'events', 'audit']) {
    assert.equal((await api(path, { role: null })).status, 401, path);
  }
  assert.equal((await api('whoami', { role: 'viewer' })).body.role, 'viewer');
});

test('a refused change is shown with its code and the id of the request', async ({ enter, at }) => {
  const page = await enter('#/process');
  await settled(page);
  // The page still thinks it is an operator's.
  await page.evaluate((token) => sessionStorage.setItem('menagerie.token', token), at.viewer);
  await page.click('button:text-is("Change")');
  await page.fill('dialog input', 'trace');
  await page.click('dialog button[type=submit]');
  const notice = page.locator('#alerts .notice');
  await notice.waitFor();
  assert.match(await notice.textContent(), /^.+: .+ \(forbidden, [0-9a-f-]{36}\)/);
  await notice.locator('button').click();
  assert.equal(await notice.count(), 0);
});

test('hostile names are shown as text, everywhere', async ({ enter, at, api, need }) => {
  const letters = (await api('dead-letters?limit=200')).body.data;
  const all = await Promise.all(letters.slice(0, 40).map(({ id }) => api(`dead-letters/${id}`)));
  const { body: hostile } = need(all.find(({ body }) => body?.text?.includes('<img')), 'dead letter with markup in it');
  const page = await enter(`#/dead-letters/${hostile.id}`);
  await settled(page);
  const value = page.locator('section:has(h2:text-is("Value"))');
  await value.getByLabel('Text').check();
  assert.equal(await value.locator('pre').textContent(), hostile.text);
  const views = at.mock ? { ...(await everyView(api)), '#/actors/083839c6-c47c-42a6-9585-76492795d123/18': '' } : await everyView(api);
  for (const hash of Object.keys(views)) {
    await open(page, hash);
    if (hash === '#/events' || hash === '#/overview') await page.waitForTimeout(2500);
    assert.equal(await page.locator('main img, main script').count(), 0, hash);
    if (at.mock && !['#/process', '#/intake'].includes(hash) && !/actors\/.*\/1$/.test(hash)) assert.match(await page.textContent('main'), /<img src=x onerror/, hash);
  }
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  await hide(page, true);
});
