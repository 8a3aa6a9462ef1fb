// Numbers with units, and times: local, with UTC in the title.
import { h } from './dom.js';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const DASH = '–';

export const count = (n) => (n == null ? DASH : whole.format(n));

/** Three significant digits, and thousands apart. */
export function decimal(n) {
  if (n == null || Number.isNaN(n)) return DASH;
  const digits = Math.abs(n) >= 100 ? 0 : Math.abs(n) >= 10 ? 1 : 2;
  return n.toLocaleString('en', { maximumFractionDigits: digits });
}

export const rate = (n) => (n == null ? DASH : `${decimal(n)}/s`);

export function seconds(s) {
  if (s == null || Number.isNaN(s)) return DASH;
  if (s === Infinity) return '∞';
  if (s === 0) return '0 s';
  if (s < 0.001) return `${decimal(s * 1e6)} µs`;
  if (s < 1) return `${decimal(s * 1e3)} ms`;
  if (s < 120) return `${decimal(s)} s`;
  if (s < 7200) return `${decimal(s / 60)} min`;
  if (s < 172800) return `${decimal(s / 3600)} h`;
  return `${decimal(s / 86400)} d`;
}

export function bytes(n) {
  if (n == null) return DASH;
  if (n < 1024) return `${n} B`;
  if (n < 1024 ** 2) return `${decimal(n / 1024)} KiB`;
  if (n < 1024 ** 3) return `${decimal(n / 1024 ** 2)} MiB`;
  return `${decimal(n / 1024 ** 3)} GiB`;
}

const two = (n) => String(n).padStart(2, '0');

function clock(date, withMillis) {
  const text = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return withMillis ? `${text}.${String(date.getMilliseconds()).padStart(3, '0')}` : text;
}

/** `<time>`; without the day if that is today. */
export function time(instant, { millis = false } = {}) {
  if (instant == null) return DASH;
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return String(instant);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} `;
  const isToday = date.toDateString() === new Date().toDateString();
  const iso = date.toISOString();
  const title = `${iso.slice(0, 10)} ${iso.slice(11, 23)} UTC`;
  return h('time', { datetime: iso, title }, (isToday ? '' : day) + clock(date, millis));
}

/** A UUID by its first eight digits, the rest in the title. */
export const short = (uuid) =>
  uuid == null ? DASH : h('abbr', { class: 'mono', title: uuid }, uuid.length > 12 ? `${uuid.slice(0, 8)}…` : uuid);

/** A number on the page that a program can read, too. */
export const data = (text, value) => h('data', { value: String(value ?? '') }, text);
