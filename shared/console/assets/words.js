// What an error means, in words that tell its owner what to do.

/** @typedef {{outcome?: string, error?: string|null, error_class?: string|null, fault?: string|null}} Ended */

/** @type {Record<string, [string, string]>} */
const CLASSES = {
  dns: ['The name of the host was not found.', 'Check the spelling of the URI, or the DNS record of the host.'],
  refused: ['The endpoint refused the connection.', 'Nothing listens at this port, or a firewall refuses it.'],
  'connect-timeout': ['The endpoint did not accept the connection in time.', 'The host is down, or a firewall drops what we send.'],
  tls: ['No secure connection could be made.', 'Its operator checks the certificate: its name, its date, and that the full chain is sent (the file is often called fullchain.pem).'],
  timeout: ['The endpoint did not answer within 10 seconds.', 'Receivers answer first and work later: put the message into a queue and answer 202.'],
  protocol: ['The answer was not valid HTTP.', 'Check what listens at this port: it may expect TLS, or not be a web server.'],
  'address-not-allowed': ['The host has no address that may be called.', 'Private and local addresses are refused. An operator can allow them in the settings.'],
  expired: ['The message did not succeed within 72 hours.', 'Redeliver it once the endpoint works.'],
  cancelled: ['The message was cancelled before it was sent.', 'The webhook was disabled or deleted meanwhile.'],
};

/** @type {Record<string, string>} */
const STATUSES = {
  301: 'Redirects are not followed: register the new URI.',
  302: 'Redirects are not followed: register the new URI.',
  307: 'Redirects are not followed: register the new URI.',
  308: 'Redirects are not followed: register the new URI.',
  401: 'The endpoint wants other credentials: check the password in the URI, or the headers.',
  403: 'The endpoint wants other credentials, or its firewall refuses our address.',
  404: 'The path of the URI does not exist there.',
  405: 'The endpoint does not take POST at this path.',
  410: 'The endpoint says that it is gone for good, so the webhook was disabled.',
  413: 'The message is too large for the endpoint.',
  429: 'The endpoint asked us to slow down.',
};

/** @param {Ended} ended @returns {[string, string]} what happened, and what to do */
export function inWords({ outcome, error, error_class: kind }) {
  if (outcome === 'skipped') return ['The webhook did not take events when this one came.', `It was ${error ?? 'disabled'}. Enable or verify it, then recover what was skipped.`];
  if (kind === 'http-status') {
    const status = /^\d{3}/.exec(error ?? '')?.[0] ?? '';
    const advice = STATUSES[status] ?? (status >= '500' ? 'The endpoint failed: its log says why.' : 'The endpoint did not accept the message: its answer may say why.');
    return [`The endpoint answered ${error}.`, advice];
  }
  return CLASSES[kind ?? ''] ?? [error ?? 'The delivery failed.', ''];
}

/** @param {string|null|undefined} fault */
export function whose(fault) {
  return { endpoint: 'The endpoint’s fault.', publisher: 'The publisher’s fault.', ours: 'Hookline’s own fault.' }[fault ?? ''] ?? '';
}

/** @param {string|undefined} outcome @returns {[string, string]} the kind of its tag, and its text */
export function outcomeTag(outcome) {
  /** @type {Record<string, [string, string]>} */
  const tags = { succeeded: ['ok', 'succeeded'], waiting: ['wait', 'waiting'], failed: ['bad', 'failed'], dropped: ['bad', 'dropped'], cancelled: ['', 'cancelled'], skipped: ['', 'skipped'] };
  return tags[outcome ?? ''] ?? ['', outcome ?? ''];
}
