// The operator's API over a made-up engine, with the console in front. `node mock.mjs [port]`.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { TENANT, OTHER, World, at } from './world.mjs';

export const TOKENS = { operator: 'operators-token', viewer: 'viewers-token' };
const WHO = { [TOKENS.operator]: { name: 'ann', role: 'operator' }, [TOKENS.viewer]: { name: 'vic', role: 'viewer' } };
const FILES = new URL('../../src/edge/http/console/', import.meta.url);
const TYPES = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', svg: 'image/svg+xml', html: 'text/html; charset=utf-8' };
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
  + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const EVENT_EVERY = 120;
const OPEN = ['/metrics', '/readyz', '/livez'];

class Refusal extends Error {
  constructor(status, code, title, detail) {
    super(detail);
    Object.assign(this, { status, code, title });
  }
}
const unknown = (what) => new Refusal(404, `unknown_${what}`, `No such ${what.replace('_', ' ')}`, 'there is none of this name');

function page(rows, query, total) {
  const limit = Number(query.get('limit') ?? 50);
  if (!(limit >= 1 && limit <= 200)) throw new Refusal(400, 'invalid_page', 'Invalid page', 'limit is not 1 to 200');
  const from = Number(Buffer.from(query.get('cursor') ?? '', 'base64url').toString() || 0);
  const next = from + limit < rows.length ? Buffer.from(String(from + limit)).toString('base64url') : null;
  return { data: rows.slice(from, from + limit), next_cursor: next, ...(total && { total: rows.length }) };
}

const summary = ({ key, value, text, headers, ...letter }) => letter;

function matches(pattern, subject) {
  const [want, have] = [pattern.split('.'), subject.split('.')];
  return want.every((part, i) => part === '>' || (i < have.length && (part === '*' || part === have[i])))
    && (want.at(-1) === '>' ? have.length >= want.length : have.length === want.length);
}

function event(n, evil) {
  const subjects = ['character.online', 'pet.fed', 'pet.closeness_changed', 'character.position.changed', 'pet.spawned'];
  const subject = subjects[n % subjects.length];
  const pet = subject.startsWith('pet') ? 1 + (n % 7) : null;
  return { subject, tenant: n % 10 === 9 ? OTHER : TENANT, character: 1 + (n % 3), pet, at: at(), event: { n, name: n % 4 ? 'Kino' : evil, amount: 3 } };
}

async function api(world, who, method, parts, query, body, request_id) {
  const [area, a, b, verb] = parts;
  const route = `${method} ${area}`;
  const done = (action, target, detail = null) => world.record(who.name, action, target, detail, request_id);
  if (route === 'GET whoami') return who;
  if (route === 'GET actors' && !a) return page(world.list(Object.fromEntries(query)), query, true);
  if (area === 'actors' && b) {
    const actor = world.find(a, b);
    if (!actor) throw unknown('character');
    if (method === 'GET') return world.inside(actor);
    if (verb === 'passivate' && actor.state === 'online') throw new Refusal(409, 'character_online', 'Character online', 'it is online');
    if (verb === 'kick' && actor.state !== 'online') throw new Refusal(409, 'not_online', 'Not online', 'it is offline');
    if (verb === 'restart') actor.processed = 0;
    else actor.state = 'stored';
    return done(verb, actor.key, body?.reason), null;
  }
  if (area === 'intake') {
    if (method === 'GET') return world.intake;
    world.intake.paused = a === 'pause';
    for (const p of world.intake.partitions) [p.paused, p.pause_reason] = a === 'pause' ? [true, 'operator'] : [false, null];
    return done(`intake_${a}`, null), null;
  }
  if (area === 'outbox') {
    if (method === 'GET') return { sinks: world.sinks };
    const sink = world.sinks.find((s) => s.sink === a);
    if (!sink) throw unknown('sink');
    const retried = sink.parked;
    Object.assign(sink, { parked: 0, failing: false });
    return done('outbox_retry', a), { retried, parked: 0 };
  }
  if (area === 'dead-letters') {
    const reason = query.get('reason');
    if (!a) return page(world.letters.filter((l) => !reason || l.reason === reason).map(summary), query);
    const letter = world.letters.find((l) => l.id === a);
    if (!letter) throw unknown('dead_letter');
    if (method === 'GET') return letter;
    if (method === 'POST' && letter.reason === 'malformed') return { outcome: 'dead_letter', detail: 'malformed: trailing characters' };
    world.letters = world.letters.filter((l) => l !== letter);
    done(method === 'DELETE' ? 'drop' : 'redeliver', a);
    return method === 'DELETE' ? null : { outcome: 'applied', detail: null };
  }
  if (route === 'GET shards') return { data: world.shards() };
  if (route === 'POST drain') return (world.stage = 'draining'), done('drain', null), { status: 202, stage: 'draining' };
  if (route === 'GET log-level') return { level: world.level };
  if (route === 'PUT log-level') {
    if (!/^[\w:=,]+$/.test(body?.level ?? '')) throw new Refusal(422, 'invalid_field', 'Invalid field', 'level is none');
    world.level = body.level;
    return done('log_level', null, body.level), { level: world.level };
  }
  if (route === 'GET audit') return page(world.audit, query);
  throw new Refusal(404, 'no_such_route', 'Nothing here', 'nothing is served at this path');
}

function listen(world, query, request, response) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(': here\n\n');
  let n = 0;
  const timer = setInterval(() => {
    const said = event(n++, world.evil);
    if (n === 12) response.write('event: missed\ndata: {"missed": 120}\n\n');
    const like = (name) => !query.get(name) || String(said[name]) === query.get(name);
    if (!['character', 'pet', 'tenant'].every(like) || !matches(query.get('subject') || '>', said.subject)) return;
    response.write(`id: ${n}\nevent: ${said.subject}\ndata: ${JSON.stringify(said)}\n\n`);
  }, EVENT_EVERY);
  request.on('close', () => clearInterval(timer));
}

async function text(request) {
  let all = '';
  for await (const part of request) all += part;
  return all;
}

async function file(response, name) {
  const body = await readFile(new URL(name, FILES)).catch(() => { throw new Refusal(404, 'no_such_route', 'Nothing here', name); });
  response.writeHead(200, { 'content-type': TYPES[name.split('.').pop()], 'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-cache' });
  response.end(body);
}

/** Starts it; `url` is its address, `world` what it tells about. */
export async function start({ port = 0, hostile } = {}) {
  const world = new World({ hostile });
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://mock');
    const request_id = randomUUID();
    const json = (status, value, type = 'application/json') => {
      response.writeHead(status, { 'content-type': type, 'x-request-id': request_id });
      response.end(value === null ? '' : JSON.stringify(value));
    };
    world.requests.push(`${request.method} ${request.url}`);
    try {
      if (url.pathname === '/console') return await file(response, 'index.html');
      if (/^\/console\/[a-z]+\.[a-z]+$/.test(url.pathname)) return await file(response, url.pathname.slice(9));
      if (OPEN.includes(url.pathname)) {
        const isServing = world.stage === 'serving';
        const isReady = isServing && !world.sinks.some((sink) => sink.failing);
        response.writeHead(url.pathname === '/readyz' && !isReady ? 503 : 200, { 'content-type': 'text/plain; charset=utf-8' });
        return response.end(url.pathname === '/metrics' ? world.metrics()
          : `[+]schema ok\n[+]lease ok\n[${isServing ? '+' : '-'}]draining ${isServing ? 'ok' : 'draining'}\n[+]store ok\n[+]intake ok\n[${isReady ? '+' : '-'}]outbox ${isReady ? 'ok' : world.sinks[1].last_error.message}\n`);
      }
      const who = WHO[request.headers.authorization?.replace(/^Bearer /, '')];
      if (!who) throw new Refusal(401, 'unauthenticated', 'Not authenticated', 'no credentials that are accepted');
      if (request.method !== 'GET' && who.role !== 'operator') throw new Refusal(403, 'forbidden', 'Not allowed', 'this is for operators');
      const parts = url.pathname.split('/').slice(2).map(decodeURIComponent);
      if (parts[0] === 'events') return listen(world, url.searchParams, request, response);
      const body = await text(request);
      const answer = await api(world, who, request.method, parts, url.searchParams, body && JSON.parse(body), request_id);
      return json(answer === null ? 204 : answer.status ?? 200, answer);
    } catch (error) {
      const { status = 500, code = 'internal', title = 'Internal error' } = error;
      return json(status, { type: 'about:blank', title, status, detail: error.message, code, request_id }, 'application/problem+json');
    }
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, world, close: () => (server.closeAllConnections(), server.close()) };
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const { url } = await start({ port: Number(process.argv[2] ?? 39190) });
  console.log(`${url}/console, operator: ${TOKENS.operator}, viewer: ${TOKENS.viewer}`);
}
