import assert from 'node:assert/strict';
import { open, settled } from '../browser.mjs';
import { hide, test, until } from '../harness.mjs';

/** The text, read on its own: `name` and a piece of its labels to a sum. */
function reader(text) {
  const lines = text.split('\n').filter((line) => line && line[0] !== '#').map((line) => {
    const cut = line.lastIndexOf(' ');
    const [name] = line.slice(0, cut).split('{');
    return { name, labels: line.slice(name.length, cut), value: Number(line.slice(cut + 1).replace('+Inf', 'Infinity')) };
  });
  const pick = (name, label = '') => lines.filter((line) => line.name === name && line.labels.includes(label));
  const sum = (name, label) => pick(name, label).reduce((total, { value }) => total + value, 0);
  return { pick, sum };
}

/** `histogram_quantile(q, sum by (le) (increase(…)))` between two scrapes. */
function quantile(q, name, now, base) {
  const les = [...new Set(now.pick(`${name}_bucket`).map(({ labels }) => /le="([^"]+)"/.exec(labels)[1]))];
  const grown = les.map((le) => [Number(le.replace('+Inf', 'Infinity')), now.sum(`${name}_bucket`, `le="${le}"`) - base.sum(`${name}_bucket`, `le="${le}"`)])
    .sort((a, b) => a[0] - b[0]);
  const rank = q * grown.at(-1)[1];
  if (!rank) return null;
  const index = grown.findIndex(([, n]) => n >= rank);
  const [from, before] = index ? grown[index - 1] : [0, 0];
  const [to, n] = grown[index];
  return to === Infinity ? from : from + ((to - from) * (rank - before)) / (n - before);
}

/** Looks at the overview for some polls and then holds it still. */
async function watch(page, num) {
  const scrapes = [];
  let ready = '';
  page.on('response', async (response) => {
    const { pathname } = new URL(response.url());
    if (pathname === '/metrics') scrapes.push(await response.text());
    if (pathname === '/readyz') ready = { status: response.status(), text: await response.text() };
  });
  await open(page, '#/overview');
  const taken = async () => Date.parse(await page.locator('main .as-of time').getAttribute('datetime'));
  const began = await taken();
  await until(`${num} polls`, () => scrapes.length >= num);
  await hide(page, true);
  await page.waitForLoadState('networkidle');
  return { first: { at: began, ...reader(scrapes[0]) }, last: { at: await taken(), ...reader(scrapes.at(-1)) }, ready };
}

/** The numbers of a card, and what stands below it, as a program reads them. */
const card = (page, key) => page.locator(`[data-card="${key}"]`).evaluate((element) => ({
  numbers: [...element.querySelectorAll('.numbers data')].map((data) => (data.value === '' ? null : Number(data.value))),
  facts: Object.fromEntries([...element.querySelectorAll('[data-fact]')].map((fact) => [fact.dataset.fact, fact.querySelector('data') ? Number(fact.querySelector('data').value) : fact.textContent])),
  chart: element.querySelector('svg').getAttribute('aria-label'),
}));

test('the numbers of the overview are those of /metrics at that moment', async ({ enter }) => {
  const page = await enter('#/audit');
  await settled(page);
  const { first, last } = await watch(page, 4);
  const M = (name) => `menagerie_${name}`;
  const numbers = async (key) => (await card(page, key)).numbers;
  const exact = async (key, name, fact) => assert.equal(fact ? (await card(page, key)).facts[fact] : (await numbers(key))[0], last.sum(M(name)), key);

  await exact('commands', 'commands_total', 'total');
  await exact('commands', 'commands_rejected_total', 'refused or ignored');
  await exact('commands', 'movement_total', 'movement');
  await exact('events', 'events_published_total', 'total');
  await exact('rounds', 'round_inputs_count', 'total');
  await exact('commit', 'commit_duration_seconds_count', 'commits');
  await exact('lag', 'intake_lag');
  await exact('lag', 'intake_in_flight', 'in flight');
  await exact('lag', 'intake_paused', 'paused');
  await exact('pending', 'outbox_parked', 'parked');
  await exact('letters', 'dead_letters_total');
  await exact('online', 'characters_online');
  await exact('pets', 'pets_spawned');
  await exact('pets', 'pets_hungry', 'hungry');
  for (const [index, sink] of ['kafka', 'nats'].entries()) {
    assert.equal((await numbers('pending'))[index] ?? 0, last.sum(M('outbox_pending'), `sink="${sink}"`));
  }
  assert.equal((await numbers('oldest'))[0], Math.max(0, ...last.pick(M('outbox_oldest_age_seconds')).map(({ value }) => value)));

  // By the page's own times: that of the first sample is read while the second may come.
  const seconds = (last.at - first.at) / 1000;
  const near = (shown, grown, what) => assert.ok(Math.abs(shown - grown / seconds) <= 0.02 * (grown / seconds) + 1e-9, `${what}: ${shown}, not ${grown / seconds}`);
  const grown = (name, label) => last.sum(M(name), label) - first.sum(M(name), label);
  near((await numbers('commands'))[0], grown('commands_total'), 'commands/s');
  near((await numbers('events'))[0], grown('events_published_total', 'sink="kafka"'), 'events/s of Kafka');
  near((await numbers('events'))[1], grown('events_published_total', 'sink="nats"'), 'events/s of NATS');
  near((await numbers('rounds'))[0], grown('round_inputs_count'), 'rounds/s');

  const same = (shown, expected, what) => (expected == null || Number.isNaN(expected) ? assert.equal(shown, null, what)
    : assert.ok(Math.abs(shown - expected) <= 1e-9 + Math.abs(expected) * 1e-9, `${what}: ${shown}, not ${expected}`));
  same((await numbers('inputs'))[0], grown('round_inputs_sum') / grown('round_inputs_count'), 'inputs a round');
  same((await numbers('commit'))[0], grown('commit_duration_seconds_sum') / grown('commit_duration_seconds_count'), 'mean of commits');
  same((await numbers('commit'))[1], quantile(0.99, M('commit_duration_seconds'), last, first), 'p99 of commits');
  same((await numbers('wait'))[0], quantile(0.99, M('actor_mailbox_wait_seconds'), last, first), 'p99 of mailboxes');
});

test('readiness, shard, epoch and stage are those of the process', async ({ enter, api }) => {
  const page = await enter('#/audit');
  await settled(page);
  const { ready } = await watch(page, 1);
  const shown = await page.locator('[data-check]').evaluateAll((items) => items.map((item) => [item.dataset.check, item.querySelector('.badge').textContent]));
  const named = ready.text.trim().split('\n').map((line) => [line.slice(3).split(' ')[0], line.startsWith('[+]') ? 'ok' : 'not ok']);
  assert.deepEqual(shown, [['ready', ready.status === 200 ? 'ready' : 'not ready'], ...named]);
  const here = (await api('shards')).body.data.find((shard) => shard.here);
  assert.match(await page.textContent('#where'), new RegExp(`shard ${here.id}, epoch ${here.epoch}, round [\\d,]+, ${here.stage} · version .+`));
});

test('every chart tells in words what it draws', async ({ enter }) => {
  const page = await enter('#/audit');
  await settled(page);
  await watch(page, 3);
  for (const chart of await page.locator('svg.chart').all()) {
    assert.match(await chart.getAttribute('aria-label'), /^.+, last \d+ seconds\. .+: (now .+, least .+, most .+|nothing yet)\.$/);
  }
  assert.notEqual(await page.getAttribute('[data-card="online"] .line', 'd'), '');
});

test('nothing is polled while the page is hidden, or another view is open', async ({ enter }) => {
  const page = await enter('#/overview');
  let polls = 0;
  page.on('request', () => polls++);
  const during = async (milliseconds) => {
    await page.waitForLoadState('networkidle');
    polls = 0;
    await page.waitForTimeout(milliseconds);
    return polls;
  };
  await until('it polls', () => polls > 2);
  await hide(page, true);
  assert.equal(await during(5000), 0, 'hidden');
  await hide(page, false);
  await until('it polls at once', () => polls > 1);
  await open(page, '#/actors');
  assert.equal(await during(5000), 0, 'on a view that polls nothing');
  await open(page, '#/intake');
  await hide(page, true);
  assert.equal(await during(6000), 0, 'hidden, on a view that is loaded again and again');
});

test('what cannot be loaded again is marked as stale, and mended by itself', async ({ enter }) => {
  const page = await enter('#/overview');
  await page.waitForSelector('[data-card="online"] data[value]:not([value=""])');
  await page.route('**/metrics', (route) => route.abort());
  await page.waitForSelector('main .trouble:visible');
  assert.match(await page.textContent('main .trouble'), /^Stale\. No answer/);
  assert.ok(await page.locator('.cards.stale').count());
  await page.unroute('**/metrics');
  await page.waitForSelector('main .trouble', { state: 'hidden' });
  assert.equal(await page.locator('.cards.stale').count(), 0);
});
