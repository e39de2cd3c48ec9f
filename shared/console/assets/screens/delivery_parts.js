// How a request, an answer and their timings are shown, in deliveries and test reports.

import { html } from '../html.js';
import { duration } from '../time.js';

const PHASES = /** @type {const} */ ([['dns', 'DNS'], ['connect', 'connect'], ['tls', 'TLS'], ['first_byte', 'first byte']]);

/** @param {{of: import('openapi').components['schemas']['Timings']|null|undefined}} props */
export function Timings({ of }) {
  if (!of) return html`<p class="soft">No connection was made.</p>`;
  const parts = PHASES.map(([key, name]) => ({ key, name, ms: of[key] ?? 0, known: of[key] !== null })).filter(({ known }) => known);
  const sum = parts.reduce((total, { ms }) => total + ms, 0);
  let at = 0;
  return html`<svg class="times" viewBox="0 0 1000 18" preserveAspectRatio="none" role="img" aria-label=${parts.map(({ name, ms }) => `${name} ${duration(ms)}`).join(', ')}>
      ${parts.map(({ key, ms }) => {
        const width = sum ? (ms / sum) * 1000 : 0;
        at += width;
        return html`<rect class=${key} x=${at - width} y="0" width=${width} height="18" />`;
      })}</svg>
    <ul class="legend">${parts.map(({ key, name, ms }) => html`<li><svg width="9" height="9" aria-hidden="true"><rect class=${key} width="9" height="9" rx="2" /></svg>${name} ${duration(ms)}</li>`)}
      <li><b>in all ${duration(of.total)}</b></li></ul>
    ${of.note && html`<p class="hint">${of.note}</p>`}`;
}

/** @param {{of: Record<string, any>, first: string, body?: string|null}} props */
export function Headers({ of, first, body }) {
  const lines = Object.entries(of).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}`));
  return html`<pre tabindex="0" aria-label=${first.slice(0, 60)}>${[first, ...lines].join('\n')}${body ? `\n\n${body}` : ''}</pre>`;
}
