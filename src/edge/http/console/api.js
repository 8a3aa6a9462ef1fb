// Requests to the operator's API.

/** Where the admin listener is, also behind a proxy that puts a prefix before everything. */
const ROOT = new URL('..', import.meta.url);
const TOKEN = 'menagerie.token';
const PATIENCE = 15_000;
/** The server writes a comment every 15 s. */
const SILENCE = 45_000;

export const token = {
  get: () => sessionStorage.getItem(TOKEN),
  set: (value) => sessionStorage.setItem(TOKEN, value),
  clear: () => sessionStorage.removeItem(TOKEN),
};

/** What went wrong, as RFC 9457 has it; status 0 where nothing answered. */
export class Problem extends Error {
  constructor({ title, detail, code, request_id, status }) {
    const origin = [code, request_id].filter(Boolean).join(', ');
    super(`${title}${detail ? `: ${detail}` : ''}${origin ? ` (${origin})` : ''}`);
    Object.assign(this, { code, status });
  }
}

/** Asks for credentials; answers whether there are new ones. Set by the session. */
let onRefused = async () => false;
export const whenRefused = (ask) => (onRefused = ask);

/** A path of the API; parts are escaped, parameters without a value left out. */
export function path(parts, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value != null && value !== '') query.set(name, value);
  }
  return ['admin', ...parts].map(encodeURIComponent).join('/') + (query.size ? `?${query}` : '');
}

async function send(method, where, { body, signal, accept, patience = true, as = token.get() } = {}) {
  const headers = { Accept: accept ?? 'application/json' };
  if (as && where.startsWith('admin/')) headers.Authorization = `Bearer ${as}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const signals = [signal, patience && AbortSignal.timeout(PATIENCE)].filter(Boolean);
  try {
    return await fetch(new URL(where, ROOT), {
      method, headers, signal: AbortSignal.any(signals), cache: 'no-store', credentials: 'omit',
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem({ title: 'No answer', detail: 'the process cannot be reached', status: 0 });
  }
}

async function problem(response) {
  let said = {};
  try {
    said = await response.json();
  } catch { /* a proxy's page, say: the status alone has to do */ }
  return new Problem({ title: `Status ${response.status}`, ...said, status: response.status });
}

/** The answer's JSON, null of none; throws a `Problem`. After a 401 it asks and tries again. */
export async function request(method, where, options = {}) {
  const response = await send(method, where, options);
  if (response.status === 401 && options.as === undefined && (await onRefused())) {
    return request(method, where, { ...options, as: token.get() });
  }
  if (!response.ok) throw await problem(response);
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

export const get = (where, signal) => request('GET', where, { signal });

/** The text at an open path, whatever the status. */
export async function text(where, signal) {
  const response = await send('GET', where, { signal, accept: 'text/plain' });
  return { status: response.status, text: await response.text() };
}

/** Reads server-sent events until the stream ends; `EventSource` could send no credentials. */
export async function stream(where, { signal, opened, event }) {
  const silent = new AbortController();
  const options = { signal: AbortSignal.any([signal, silent.signal]), accept: 'text/event-stream', patience: false };
  let response = await send('GET', where, options);
  if (response.status === 401 && (await onRefused())) response = await send('GET', where, options);
  if (!response.ok) throw await problem(response);
  opened();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  let message = { type: 'message', data: [] };
  for (;;) {
    const timer = setTimeout(() => silent.abort(), SILENCE);
    const { done, value } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return;
    const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === '') {
        if (message.data.length) event(message.type, message.data.join('\n'));
        message = { type: 'message', data: [] };
      } else if (line.startsWith('event:')) message.type = line.slice(6).trim();
      else if (line.startsWith('data:')) message.data.push(line.slice(5).replace(/^ /, ''));
    }
  }
}
