// The state of the page is in the fragment of its address: `#/webhooks/3/deliveries?outcome=failed`.

import { signal } from './vendor/signals.js';

/** @typedef {{path: string[], query: Record<string, string>}} Route */

/** @param {string} hash @returns {Route} */
export function parse(hash) {
  const [path, search = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  return { path: path.split('/').filter(Boolean).map(decode), query: Object.fromEntries(new URLSearchParams(search)) };
}

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const route = signal(parse(location.hash));
addEventListener('hashchange', () => {
  // A console link opened in this tab signs in as one opened in a new tab does.
  if (location.hash.startsWith('#code=')) location.reload();
  else route.value = parse(location.hash);
});

/** @param {(string|number)[]} path @param {Record<string, any>} [query] */
export function link(path, query = {}) {
  const kept = Object.entries(query).filter(([, value]) => value !== '' && value !== null && value !== undefined);
  const search = new URLSearchParams(kept.map(([name, value]) => [name, String(value)])).toString();
  return '#/' + path.map((part) => encodeURIComponent(part)).join('/') + (search ? `?${search}` : '');
}

/** @param {(string|number)[]} path @param {Record<string, any>} [query] */
export function go(path, query) {
  location.hash = link(path, query);
}

/** Changes parameters of the address; what was typed before is not kept in the history. @param {Record<string, any>} changes */
export function change(changes) {
  const { path, query } = route.value;
  history.replaceState(null, '', link(path, { ...query, ...changes }));
  route.value = parse(location.hash);
}
