import { html } from '../html.js';
import { call, cursor } from '../api.js';
import { useLoad } from '../load.js';
import { change, route } from '../route.js';
import { Empty, Shown } from '../parts.js';
import { Time } from '../time.js';

/** @param {any} value */
const text = (value) => (value === null || value === undefined ? '–' : typeof value === 'string' ? value : JSON.stringify(value));

/** The audit trail of a webhook or a policy. @param {{of: string}} props */
export function History({ of }) {
  const { after = '' } = route.value.query;
  const loaded = useLoad(async () => {
    const { data, headers } = await call(`${of}/audit?per_page=20${after && `&search_after=${encodeURIComponent(after)}`}`);
    return { entries: data, next: cursor(headers, 'next', 'search_after') };
  }, [of, after]);
  return html`<${Shown} of=${loaded}>${(/** @type {any} */ { entries, next }) =>
    entries.length === 0
      ? html`<${Empty} title="Nothing changed yet." />`
      : html`<div class="table"><table><thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th></tr></thead><tbody>
          ${entries.map((/** @type {any} */ entry) => html`<tr key=${entry.id}><td class="soft"><${Time} at=${entry.created_at} /></td>
            <td class="other">${entry.created_by?.name ?? 'the service'}</td>
            <td>${{ create: 'created', update: 'changed', destroy: 'deleted', read: 'read' }[/** @type {string} */ (entry.action)] ?? entry.action}
              ${Object.entries(entry.changes ?? {}).map(([field, /** @type {any} */ [from, to]]) => html`<div class="mono soft clip"><b>${field}</b> ${text(from)} → ${text(to)}</div>`)}</td></tr>`)}
        </tbody></table></div>
        ${(after || next) && html`<nav class="bar pages" aria-label="Pages"><span class="grow"></span>
          ${after && html`<button class="btn" type="button" onClick=${() => change({ after: '' })}>Newest</button>`}
          ${next && html`<button class="btn" type="button" onClick=${() => change({ after: next })}>Older</button>`}</nav>`}`}<//>`;
}
