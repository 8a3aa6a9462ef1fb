// Screenshots of the console: `node shots.mjs FOLDER`.
import { mkdir } from 'node:fs/promises';
import { launch, open, settled, target, visit } from './browser.mjs';

const folder = process.argv[2] ?? 'shots';
/** So that the charts have something to show. */
const WATCHED = Number(process.env.CONSOLE_WATCH ?? 20) * 1000;

await mkdir(folder, { recursive: true });
const at = await target({ hostile: false });
const browser = await launch();
const get = async (path) => (await fetch(`${at.url}/admin/${path}`, { headers: { Authorization: `Bearer ${at.operator}` } })).json();
const online = await get('actors?kind=character&online=true&limit=20');
const inside = await Promise.all(online.data.map(({ tenant, number }) => get(`actors/${tenant}/${number}`)));
const { tenant, number } = inside.reduce((a, b) => (b.pets.length > a.pets.length ? b : a));
const letters = await get('dead-letters?limit=20');
const wide = { viewport: { width: 1360, height: 850 } };
const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

async function shoot(name, hash, options, wait = 0) {
  const { page, close } = await visit(browser, at, { token: at.operator, hash: '#/actors', ...options });
  await settled(page);
  await open(page, hash);
  await page.waitForTimeout(wait);
  await page.screenshot({ path: `${folder}/${name}.png` });
  await close();
  console.log(`${folder}/${name}.png`);
}

await Promise.all([
  shoot('overview-light', '#/overview', { ...wide, colorScheme: 'light' }, WATCHED),
  shoot('phone', '#/overview', { ...PHONE, colorScheme: 'dark' }, WATCHED),
  shoot('events-dark', '#/events', { ...wide, colorScheme: 'dark' }, 4000),
]);
await shoot('actors-light', '#/actors?sort=mailbox', { ...wide, colorScheme: 'light' });
await shoot('actor-dark', `#/actors/${tenant}/${number}`, { ...wide, colorScheme: 'dark' });
await shoot('dead-letters-light', '#/dead-letters', { ...wide, colorScheme: 'light' });
if (letters.data.length) await shoot('dead-letter-dark', `#/dead-letters/${letters.data[0].id}`, { ...wide, colorScheme: 'dark' });
await shoot('outbox-light', '#/outbox', { ...wide, colorScheme: 'light' });
await shoot('process-light', '#/process', { ...wide, colorScheme: 'light' });
await shoot('phone-actor', `#/actors/${tenant}/${number}`, { ...PHONE, colorScheme: 'light' });
await browser.close();
at.close();
