// The state of a webhook, and why.

import { html } from './html.js';
import { get } from './api.js';
import { Tag } from './parts.js';

/**
 * @typedef {import('openapi').components['schemas']['Webhook']} WebhookRecord
 * @typedef {import('openapi').components['schemas']['EndpointHost']} EndpointHost
 */

/** The endpoint host of a URI, as the API writes it. @param {string|undefined} uri */
export function hostOf(uri) {
  try {
    const { protocol, hostname, port } = new URL(uri ?? '');
    return `${protocol}//${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
  } catch {
    return '';
  }
}

/** Who disabled it, from its audit trail. @param {number} id @returns {Promise<string>} */
export async function disabledBy(id) {
  const entries = await get(`/webhooks/${id}/audit?per_page=20`).catch(() => []);
  const entry = entries.find((/** @type {any} */ { changes }) => changes?.disabled?.[1] === true);
  return entry ? `disabled by ${entry.created_by ? entry.created_by.name : 'the service'}` : 'disabled';
}

/** @param {EndpointHost[]|null|undefined} hosts @param {string|undefined} uri */
export const throttleOf = (hosts, uri) => hosts?.find(({ host, throttled_at, held_until }) => (throttled_at || held_until) && sameHost(host, hostOf(uri)));

/** @param {string|undefined} one @param {string} other */
const sameHost = (one, other) => hostOf(one) === other && other !== '';

/** @param {WebhookRecord} webhook @param {EndpointHost[]|null|undefined} hosts @param {string} [by] @returns {[string, string]} */
export function stateOf(webhook, hosts, by) {
  if (webhook.disabled) return ['bad', by ?? 'disabled'];
  if (webhook.verified === false) return ['', 'unverified'];
  if (throttleOf(hosts, webhook.uri)) return ['wait', 'waiting · host throttled'];
  if (webhook.last_error) return ['bad', 'failing'];
  return webhook.last_delivery ? ['ok', 'delivering'] : ['', 'no delivery yet'];
}

/** @param {{webhook: WebhookRecord, hosts?: EndpointHost[]|null, by?: string}} props */
export function State({ webhook, hosts, by }) {
  const [kind, text] = stateOf(webhook, hosts, by);
  return html`<${Tag} kind=${kind}>${text}<//>`;
}
