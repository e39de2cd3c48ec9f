// Who is signed in. The token is in memory and in `sessionStorage`, and nowhere else.

import { signal } from './vendor/signals.js';
import { exchange, Failure } from './api.js';

/**
 * @typedef {'administrator'|'auditor'|'publisher'} Role
 * @typedef {{token: string, role: Role, webhook: number|null}} Session `webhook` is the only one that a console link opened
 */

const KEY = 'hookline-session';

export const session = signal(/** @type {Session|null} */ (null));
/** Why the sign-in page is shown over a screen; null if it is not. */
export const asked = signal(/** @type {string|null} */ (null));

export const mayWrite = () => session.value?.role === 'administrator';
export const mayRead = () => session.value !== null && session.value.role !== 'publisher';
/** Whether a console link has opened one webhook only. */
export const isScoped = () => session.value?.webhook != null;

/** @param {string} reason */
export function signInAgain(reason) {
  if (session.value) asked.value = reason;
}

export function signOut() {
  sessionStorage.removeItem(KEY);
  asked.value = null;
  session.value = null;
}

/** Finds out what a token may do, and takes it. @param {string} token @param {number|null} [webhook] */
export async function signIn(token, webhook = null) {
  const found = { token, ...(await look(token, webhook)) };
  sessionStorage.setItem(KEY, JSON.stringify(found));
  session.value = found;
  asked.value = null;
}

/**
 * The role shows in what the API refuses: a publisher may not list webhooks, an auditor may not read secrets.
 * There is no webhook 0, so the second question reads nothing.
 * @param {string} token @param {number|null} webhook
 * @returns {Promise<{role: Role, webhook: number|null}>}
 */
async function look(token, webhook) {
  const listed = await status('/webhooks?per_page=2', token);
  if (listed === 403) return { role: 'publisher', webhook: null };
  const secret = await status(`/webhooks/${webhook ?? 0}/secret`, token);
  return { role: secret === 403 ? 'auditor' : 'administrator', webhook };
}

/** @param {string} path @param {string} token */
async function status(path, token) {
  try {
    return (await exchange(path, { token })).status;
  } catch (failure) {
    if (failure instanceof Failure && (failure.status === 403 || failure.status === 404)) return failure.status;
    throw failure;
  }
}

/** Takes the session of this tab, or the code of a console link, which leaves the address at once. */
export async function resume() {
  const code = /^#code=(.+)$/.exec(location.hash)?.[1];
  if (code) {
    history.replaceState(null, '', location.pathname);
    const { data } = await exchange('/console_links/redeem', { method: 'POST', body: { code: decodeURIComponent(code) }, token: null });
    await signIn(data.access_token, data.webhook_id ?? null);
    return;
  }
  try {
    session.value = JSON.parse(sessionStorage.getItem(KEY) ?? 'null');
  } catch {
    sessionStorage.removeItem(KEY);
  }
}
