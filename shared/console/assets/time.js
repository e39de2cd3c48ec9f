// Times are relative; the account's own time and UTC are in the tooltip.

import { html } from './html.js';
import { signal } from './vendor/signals.js';

export const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), 15_000);

/** @type {[number, number, string][]} below this many seconds, in units of so many seconds */
const UNITS = [[60, 1, 's'], [3600, 60, 'min'], [86_400, 3600, 'h'], [86_400 * 60, 86_400, 'days'], [Infinity, 86_400 * 30, 'months']];

/** @param {number} seconds */
export function span(seconds) {
  const [, unit, name] = /** @type {[number, number, string]} */ (UNITS.find(([below]) => seconds < below));
  const count = Math.floor(seconds / unit);
  return name === 'days' && count === 1 ? '1 day' : `${count} ${name}`;
}

/** @param {string} at @param {number} [from] */
export function relative(at, from = Date.now()) {
  const seconds = (from - Date.parse(at)) / 1000;
  if (seconds < 0) return seconds > -1 ? 'now' : `in ${span(-seconds)}`;
  return seconds < 2 ? 'just now' : `${span(seconds)} ago`;
}

/** Both clocks in full: the API writes times in the account's zone. @param {string} at */
export function exact(at) {
  const utc = new Date(at).toISOString().slice(0, 19).replace('T', ' ');
  const offset = at.slice(19).replace(/^\.\d+/, '').replace('Z', '+00:00');
  return `${at.slice(0, 10)} ${at.slice(11, 19)} ${offset} (account)\n${utc} UTC`;
}

/** @param {{at: string|null|undefined}} props */
export function Time({ at }) {
  if (!at) return html`<span class="soft">never</span>`;
  return html`<time dateTime=${at} title=${exact(at)}>${relative(at, Math.max(now.value, Date.now()))}</time>`;
}

/** The moment that a delivery's id holds: its first 48 bits are milliseconds. @param {string|undefined} id */
export function momentOf(id) {
  return id && /^[0-9a-f]{8}-[0-9a-f]{4}-[78]/.test(id) ? new Date(parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toISOString() : null;
}

/** @param {number|null|undefined} ms */
export function duration(ms) {
  if (ms === null || ms === undefined) return '–';
  return ms >= 1000 ? `${(ms / 1000).toFixed(ms >= 10_000 ? 1 : 2)} s` : `${ms >= 10 ? Math.round(ms) : Math.round(ms * 10) / 10} ms`;
}

export const count = (/** @type {number|null|undefined} */ n) => (n === null || n === undefined ? '–' : n.toLocaleString('en-US'));
