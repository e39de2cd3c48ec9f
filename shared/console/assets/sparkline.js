// The deliveries of 24 hours as bars, one an hour.

import { html } from './html.js';
import { get, query, Failure } from './api.js';

/** @typedef {{hour?: string, at?: string, since?: string, succeeded?: number, failed?: number, dropped?: number}} Hour */

const HOUR = 3_600_000;
let counted = true;

/** The counts of one webhook, or of the account; null from a service that does not count. @param {number|string} [webhook] */
export async function hours(webhook) {
  if (!counted) return null;
  const since = new Date(Math.floor(Date.now() / HOUR) * HOUR - 23 * HOUR).toISOString();
  try {
    return /** @type {Hour[]} */ (await get((webhook === undefined ? '/counts' : `/webhooks/${webhook}/counts`) + query({ since })));
  } catch (failure) {
    if (failure instanceof Failure && failure.status === 404 && webhook === undefined) counted = false;
    return null;
  }
}

/** @param {Hour[]} counts @param {'succeeded'|'failed'|'dropped'|'cancelled'|'skipped'} outcome */
export const sum = (counts, outcome) => counts.reduce((total, hour) => total + (/** @type {any} */ (hour)[outcome] ?? 0), 0);

/** @param {{counts: Hour[]|null|undefined}} props */
export function Sparkline({ counts }) {
  if (!counts) return null;
  const first = Math.floor(Date.now() / HOUR) - 23;
  const bars = Array.from({ length: 24 }, () => ({ good: 0, bad: 0 }));
  for (const hour of counts) {
    const bar = bars[Math.floor(Date.parse(hour.hour ?? hour.at ?? hour.since ?? '') / HOUR) - first];
    if (bar) {
      bar.good += hour.succeeded ?? 0;
      bar.bad += (hour.failed ?? 0) + (hour.dropped ?? 0);
    }
  }
  const most = Math.max(1, ...bars.map(({ good, bad }) => good + bad));
  const label = `24 hours: ${sum(counts, 'succeeded')} succeeded, ${sum(counts, 'failed') + sum(counts, 'dropped')} failed`;
  return html`<svg class="spark" width="96" height="20" viewBox="0 0 96 20" role="img" aria-label=${label}>
    ${bars.map(({ good, bad }, hour) => {
      const height = Math.round(((good + bad) / most) * 18);
      if (!height) return html`<rect class="none" x=${hour * 4} y="18" width="3" height="2" />`;
      const red = bad ? Math.max(2, Math.round((bad / (good + bad)) * height)) : 0;
      return html`<g><rect class="good" x=${hour * 4} y=${20 - height} width="3" height=${height} /><rect class="failing" x=${hour * 4} y=${20 - height} width="3" height=${red} /></g>`;
    })}
  </svg>`;
}
