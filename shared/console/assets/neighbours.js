// The deliveries before and after one, in its webhook's list.

import { call, cursor, query } from './api.js';

const PAGES = 5;

/**
 * The list is newest first and its cursors lead to older ones only. So a window that begins at the delivery is
 * walked down to it: a narrow one, else a wider one.
 * @param {import('openapi').components['schemas']['Delivery']} delivery
 * @returns {Promise<{newer: string|null, older: string|null}>}
 */
export async function neighbours({ id, webhook, created_at: at = '' }) {
  const path = `/webhooks/${webhook?.id}/deliveries`;
  const older = (await call(path + query({ created_at: `<=${at}`, per_page: 100 }))).data.map((/** @type {any} */ one) => one.id);
  const place = older.indexOf(id);
  const found = { newer: place > 0 ? older[place - 1] : null, older: place < 0 ? null : older[place + 1] ?? null };
  for (const minutes of found.newer ? [] : [5, 24 * 60, 31 * 24 * 60]) {
    const until = new Date(Date.parse(at) + minutes * 60_000).toISOString().slice(0, 19) + 'Z';
    found.newer = await justNewer(path, id, `>=${at}<=${until}`);
    if (found.newer) break;
  }
  return found;
}

/** @param {string} path @param {string} id @param {string} created */
async function justNewer(path, id, created) {
  let last = null;
  let after = '';
  for (let page = 0; page < PAGES; page++) {
    const { data, headers } = await call(path + query({ created_at: created, per_page: 100, search_after: after }));
    for (const one of data) {
      if (one.id === id) return last;
      last = one.id;
    }
    after = cursor(headers, 'next', 'search_after') ?? '';
    if (!after) return null;
  }
  return null;
}
