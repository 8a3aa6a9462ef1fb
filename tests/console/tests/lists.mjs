import assert from 'node:assert/strict';
import { open, settled } from '../browser.mjs';
import { hide, test } from '../harness.mjs';

const keys = (page) => page.locator('main tbody th').allTextContents();
const key = (actor) => (actor.tenant ? String(actor.number) : actor.key);

/** Does something, and answers what the page was told by the list then. */
async function told(page, path, act) {
  const [response] = await Promise.all([page.waitForResponse((r) => new URL(r.url()).pathname === `/admin/${path}`), act()]);
  const body = await response.json();
  await settled(page);
  return { body, asked: new URL(response.url()).searchParams };
}

test('actors are searched by number and by tenant', async ({ enter, api, need }) => {
  const some = need((await api('actors?kind=character&limit=2')).body.data.at(-1), 'character');
  const page = await enter('#/actors');
  await settled(page);
  for (const q of [String(some.number), some.tenant]) {
    await page.fill('input[name=q]', q);
    const { body, asked } = await told(page, 'actors', () => page.press('input[name=q]', 'Enter'));
    assert.equal(asked.get('q'), q);
    assert.deepEqual(await keys(page), body.data.map(key));
    assert.ok(body.data.some((actor) => actor.key === some.key));
    assert.match(page.url(), /q=/);
  }
  await page.fill('input[name=q]', '2000000000');
  await told(page, 'actors', () => page.click('button:text-is("Filter")'));
  assert.match(await page.textContent('main .state'), /No actor/);
});

test('actors are filtered by kind and by being online', async ({ enter }) => {
  const page = await enter('#/actors');
  await settled(page);
  const committers = await told(page, 'actors', () => page.selectOption('select[name=kind]', 'committer'));
  assert.equal(committers.asked.get('kind'), 'committer');
  assert.ok(committers.body.data.every((actor) => actor.kind === 'committer'));
  await told(page, 'actors', () => page.selectOption('select[name=kind]', ''));
  for (const [online, state] of [['true', 'online'], ['false', 'offline']]) {
    const { body, asked } = await told(page, 'actors', () => page.selectOption('select[name=online]', online));
    assert.equal(asked.get('online'), online);
    assert.deepEqual(await keys(page), body.data.map(key));
    const states = await page.locator('main tbody tr td .badge').allTextContents();
    assert.ok(states.every((shown) => shown === state), `${states}`);
  }
});

test('actors are sorted by each of the four, and back', async ({ enter }) => {
  const page = await enter('#/actors');
  await settled(page);
  for (const [label, sort, of] of [['Mailbox', 'mailbox', (a) => a.mailbox.messages], ['Oldest wait', 'wait', (a) => a.oldest_wait_seconds ?? 0],
    ['Idle', 'idle', (a) => a.idle_seconds], ['Rate', 'rate', (a) => a.rate]]) {
    const header = page.locator('thead th', { hasText: label });
    const { body, asked } = await told(page, 'actors', () => header.locator('button').click());
    assert.equal(asked.get('sort'), sort);
    assert.equal(await header.getAttribute('aria-sort'), 'descending');
    assert.equal(await page.locator('[aria-sort=descending]').count(), 1);
    // The engine's own stand before all characters, in whatever order.
    const values = body.data.filter(({ kind }) => kind === 'character').map(of);
    assert.deepEqual(values, values.toSorted((a, b) => b - a), `by ${sort}`);
    assert.deepEqual(await keys(page), body.data.map(key));
  }
  const back = await told(page, 'actors', () => page.click('thead th:has-text("Rate") button'));
  assert.equal(back.asked.get('sort'), null);
  assert.equal(await page.locator('[aria-sort=descending]').count(), 0);
});

test('a list is turned page by page, and back', async ({ enter, api, need }) => {
  need((await api('actors')).body.total > 6, 'third page of two actors');
  const page = await enter('#/actors?limit=2');
  await settled(page);
  const first = await keys(page);
  const press = (name) => told(page, 'actors', () => page.click(`.pages button:text-is("${name}")`));
  assert.match(await page.textContent('.where'), /^page 1, [\d,]+ in all$/);
  assert.ok(await page.isDisabled('.pages button:text-is("Previous")'));
  await press('Next');
  const second = await keys(page);
  assert.ok(!second.some((name) => first.includes(name)), 'other rows');
  await press('Next');
  assert.match(await page.textContent('.where'), /^page 3,/);
  await press('Previous');
  assert.deepEqual(await keys(page), second);
  assert.match(await page.textContent('.where'), /^page 2,/);
  await page.reload();
  await settled(page);
  assert.deepEqual(await keys(page), second, 'the page is in the address');
  await press('First');
  assert.deepEqual(await keys(page), first);
});

test('100,000 actors are counted, and a page of them shown', async ({ enter, at, api, need }) => {
  const { total } = (await api('actors?limit=1')).body;
  need(at.mock || total >= 100_000, '100,000 actors', { isOptional: true });
  const page = await enter('#/actors');
  await settled(page);
  assert.match(await page.textContent('.where'), new RegExp(`${total.toLocaleString('en')} in all`));
  assert.equal((await keys(page)).length, 50);
});

test('an actor is opened, and shows what the API tells of it', async ({ enter, api, need }) => {
  const { data } = (await api('actors?kind=character&limit=20')).body;
  const all = await Promise.all(data.map(({ tenant, number }) => api(`actors/${tenant}/${number}`)));
  const { body: some } = need(all.find(({ body }) => body.pets.length), 'character with a pet');
  const page = await enter('#/actors?kind=character');
  await settled(page);
  const { body: a } = await told(page, `actors/${some.tenant}/${some.number}`, () => page.click(`main tbody a:text-is("${some.number}")`));
  await hide(page, true);
  assert.equal(await page.textContent('main h1'), `Character ${some.number}`);
  const term = (name) => page.locator('.terms div', { has: page.locator(`dt:text-is("${name}")`) }).first().locator('dd').textContent();
  // Of some only the pets are known.
  assert.equal(await term('UUID'), a.uuid ?? '–');
  assert.equal(await term('Version'), a.version?.toLocaleString('en') ?? '–');
  if (a.character) assert.equal(await term('Name'), a.character.name);
  const rows = (caption) => page.locator(`table:has(caption:text-is("${caption}")) tbody tr`);
  assert.deepEqual(await rows('Pets').locator('th').allTextContents(), a.pets.map(({ id }) => String(id)));
  assert.deepEqual(await rows('Pets').locator('td:nth-child(2)').allTextContents(), a.pets.map(({ name }) => name));
  assert.deepEqual(await rows('Recent messages, the newest first').locator('th').allTextContents(), a.messages.map(({ message, num_inputs: num }) => (num > 1 ? `${message} × ${num.toLocaleString('en')}` : message)));
  assert.equal(await page.locator('main time').first().evaluate((time) => /^\d{4}-\d\d-\d\d [\d:.]+ UTC$/.test(time.title)), true);
});

test('dead letters are filtered by reason, and one shows its bytes', async ({ enter, api, need }) => {
  const some = need((await api('dead-letters?limit=1')).body.data[0], 'dead letter');
  const page = await enter('#/dead-letters');
  await settled(page);
  await page.fill('input[name=reason]', some.reason);
  const { body, asked } = await told(page, 'dead-letters', () => page.press('input[name=reason]', 'Enter'));
  assert.equal(asked.get('reason'), some.reason);
  assert.deepEqual(await keys(page), body.data.map(({ reason }) => reason));
  assert.ok(body.data.every(({ reason }) => reason === some.reason));

  const { body: letter } = await api(`dead-letters/${some.id}`);
  await page.click('main tbody a >> nth=0');
  await settled(page);
  const value = page.locator('section:has(h2:text-is("Value"))');
  await value.getByLabel('Base64').check();
  assert.equal(await value.locator('pre').textContent(), letter.value);
  await value.getByLabel('Hex').check();
  const dump = await value.locator('pre').textContent();
  const bytes = dump.split('\n').map((line) => line.slice(8, 55).trim().replaceAll(' ', '')).join('');
  assert.equal(bytes, Buffer.from(letter.value, 'base64').toString('hex'));
  if (letter.text != null) {
    await value.getByLabel('Text').check();
    assert.equal(await value.locator('pre').textContent(), letter.text);
  }
  assert.deepEqual(await keys(page), letter.headers.map(({ name }) => name));
});

test('intake and outbox show every partition and sink as they are', async ({ enter, api }) => {
  const page = await enter('#/intake');
  await settled(page);
  const cells = (n) => page.locator(`main tbody td:nth-child(${n})`).allTextContents();
  const { partitions } = (await api('intake')).body;
  assert.deepEqual(await keys(page), partitions.map(({ topic }) => topic));
  for (const [index, shown] of (await cells(8)).entries()) {
    const { paused, pause_reason } = partitions[index];
    assert.match(shown, paused ? (pause_reason === 'full' ? /paused.*as much as it may/ : /paused/) : /reading/);
  }
  await open(page, '#/outbox');
  assert.deepEqual(await keys(page), (await api('outbox')).body.sinks.map(({ sink }) => sink));
});
