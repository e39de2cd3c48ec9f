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

/** Takes a token, once it is known what it may do. @param {string} token @param {{role: Role, webhook: number|null}} [known] */
export async function signIn(token, known) {
  const found = { token, ...(known ?? { role: await look(token), webhook: null }) };
  sessionStorage.setItem(KEY, JSON.stringify(found));
  session.value = found;
  asked.value = null;
}

/**
 * The role shows in what the API refuses: a publisher may not list webhooks, an auditor may not read secrets.
 * There is no webhook 0, so the second question reads nothing.
 * @param {string} token
 * @returns {Promise<Role>}
 */
async function look(token) {
  if ((await status('/webhooks?per_page=1', token)) === 403) return 'publisher';
  return (await status('/webhooks/0/secret', token)) === 403 ? 'auditor' : 'administrator';
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
    await signIn(data.access_token, { role: data.role, webhook: data.webhook_id ?? null });
    return;
  }
  try {
    session.value = JSON.parse(sessionStorage.getItem(KEY) ?? 'null');
  } catch {
    sessionStorage.removeItem(KEY);
  }
}
