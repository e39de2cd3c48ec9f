// The state of a webhook, and why.

import { html } from './html.js';
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

/** @param {EndpointHost[]|null|undefined} hosts @param {string|undefined} uri */
export const throttleOf = (hosts, uri) => hosts?.find(({ host, throttled_at, held_until }) => (throttled_at || held_until) && sameHost(host, hostOf(uri)));

/** @param {string|undefined} one @param {string} other */
const sameHost = (one, other) => hostOf(one) === other && other !== '';

/** @param {WebhookRecord} webhook @param {EndpointHost[]|null|undefined} hosts @returns {[string, string]} */
export function stateOf(webhook, hosts) {
  if (webhook.disabled) return ['bad', webhook.disabled_by ? `disabled by ${webhook.disabled_by === 'service' ? 'the service' : 'an administrator'}` : 'disabled'];
  if (webhook.verified === false) return ['', 'unverified'];
  if (throttleOf(hosts, webhook.uri)) return ['wait', 'waiting · host throttled'];
  if (webhook.last_error) return ['bad', 'failing'];
  return webhook.last_delivery ? ['ok', 'delivering'] : ['', 'no delivery yet'];
}

/** @param {{webhook: WebhookRecord, hosts?: EndpointHost[]|null}} props */
export function State({ webhook, hosts }) {
  const [kind, text] = stateOf(webhook, hosts);
  return html`<span title=${webhook.disabled_reason ?? ''}><${Tag} kind=${kind}>${text}<//></span>`;
}
