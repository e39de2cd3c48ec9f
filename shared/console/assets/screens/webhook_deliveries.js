import { html } from '../html.js';
import { useEffect, useState } from '../vendor/hooks.js';
import { absolute, call, cursor, query } from '../api.js';
import { change, link, route } from '../route.js';
import { isScoped, mayWrite } from '../session.js';
import { useEvery, useLoad } from '../load.js';
import { Empty, Shown, Tag } from '../parts.js';
import { Time, count, duration } from '../time.js';
import { outcomeTag } from '../words.js';
import { Sparkline, hours, sum } from '../sparkline.js';

const OUTCOMES = ['waiting', 'succeeded', 'failed', 'dropped', 'cancelled', 'skipped'];

/** @typedef {import('openapi').components['schemas']['Delivery']} DeliveryRecord */

/** @param {number} id @param {Record<string, string>} state */
async function list(id, { outcome, event, since, until, after }) {
  const created = since && until ? `>=${since}<=${until}` : since ? `>=${since}` : until ? `<=${until}` : '';
  const { data, headers } = await call(`/webhooks/${id}/deliveries` + query({ outcome, event, created_at: created, search_after: after, per_page: 20 }));
  return { deliveries: /** @type {DeliveryRecord[]} */ (data), next: cursor(headers, 'next', 'search_after') };
}

/** @param {{webhook: import('../webhook_state.js').WebhookRecord}} props */
export function WebhookDeliveries({ webhook }) {
  const { query: state } = route.value;
  const listed = useLoad(() => list(webhook.id, state), [JSON.stringify(state)]);
  const [newer, setNewer] = useState(0);
  const known = listed.data?.deliveries[0]?.id;
  useEffect(() => setNewer(0), [known]);
  useEvery(async () => {
    if (state.after || !listed.data) return;
    const { deliveries } = await list(webhook.id, state).catch(() => ({ deliveries: [] }));
    const place = deliveries.findIndex(({ id }) => id === known);
    setNewer(place < 0 ? deliveries.length : place);
  }, 15, [known, JSON.stringify(state), !listed.data]);
  const set = (/** @type {string} */ name) => (/** @type {any} */ event) => change({ [name]: event.target.value.trim(), after: '' });
  return html`<${Day} id=${webhook.id} />
    <div class="bar">
      <select aria-label="Outcome" value=${state.outcome ?? ''} onChange=${set('outcome')}><option value="">Any outcome but skipped</option>${OUTCOMES.map((name) => html`<option value=${name}>${name}</option>`)}</select>
      <input type="search" aria-label="Event" placeholder="Any event" value=${state.event ?? ''} onChange=${set('event')} />
      <label>from <input type="datetime-local" aria-label="From" value=${state.since ?? ''} onChange=${set('since')} /></label>
      <label>to <input type="datetime-local" aria-label="To" value=${state.until ?? ''} onChange=${set('until')} /></label><span class="grow"></span>
      ${mayWrite() && !isScoped() && html`<a class="btn" href=${link(['recover'], { webhook: webhook.id, since: state.since, until: state.until })}>Recover…</a>`}
    </div>
    ${newer > 0 && html`<div class="bar"><button class="btn" type="button" onClick=${() => (setNewer(0), listed.reload())}>Show ${newer === 20 ? '20 or more' : newer} new</button></div>`}
    <${Shown} of=${listed}>${(/** @type {any} */ { deliveries, next }) =>
      deliveries.length
        ? html`<${DeliveryTable} deliveries=${deliveries} />
            ${(state.after || next) && html`<nav class="bar pages" aria-label="Pages"><span class="grow"></span>
              ${state.after && html`<button class="btn" type="button" onClick=${() => change({ after: '' })}>Newest</button>`}
              ${next && html`<button class="btn" type="button" onClick=${() => change({ after: next })}>Older</button>`}</nav>`}`
        : html`<${None} webhook=${webhook} filtered=${Object.values(state).some(Boolean)} />`}<//>`;
}

/** @param {{webhook: import('../webhook_state.js').WebhookRecord, filtered: boolean}} props */
function None({ webhook, filtered }) {
  if (filtered) return html`<${Empty} title="No delivery matches."><a class="text" href=${link(['webhooks', webhook.id, 'deliveries'])}>Show all</a><//>`;
  return html`<${Empty} title="No deliveries yet." curl=${`curl ${absolute('/events')} -H "Authorization: Bearer $HOOKLINE_TOKEN" \\
  --json '{"event":"${webhook.event?.includes('*') ? 'request.create' : webhook.event}","object_id":1}'`}>
    The next matching event makes one. ${mayWrite() && html`<a class="text" href=${link(['webhooks', webhook.id, 'test'])}>Send a test</a>, or publish an event:`}<//>`;
}

/** The last day in numbers, if the service counts. @param {{id: number}} props */
function Day({ id }) {
  const counted = useLoad(() => hours(id), [id]);
  if (!counted.data) return null;
  const part = (/** @type {Parameters<typeof sum>[1]} */ outcome) => count(sum(counted.data ?? [], outcome));
  return html`<div class="row day"><${Sparkline} counts=${counted.data} /><span class="soft">last 24 hours: ${part('succeeded')} succeeded, ${part('failed')} failed, ${part('dropped')} dropped</span></div><br />`;
}

/** @param {{deliveries: DeliveryRecord[], named?: boolean}} props `named` shows the webhook too */
export function DeliveryTable({ deliveries, named = false }) {
  return html`<div class="table"><table><thead><tr><th scope="col">Event</th>${named && html`<th scope="col">Webhook</th>`}<th scope="col">Outcome</th><th scope="col" class="opt">Error</th><th scope="col" class="num opt">Attempt</th><th scope="col" class="num opt">Took</th><th scope="col" class="num">When</th></tr></thead>
    <tbody>${deliveries.map((delivery) => {
      const [kind, text] = outcomeTag(delivery.outcome);
      return html`<tr key=${delivery.id}><td class="mono"><a href=${link(['deliveries', delivery.id])}>${delivery.event}</a>${delivery.test && html` <span class="soft">test</span>`}</td>
        ${named && html`<td class="other">${delivery.webhook?.name ?? `#${delivery.webhook?.id}`}</td>`}
        <td><${Tag} kind=${kind}>${text}<//></td><td class="mono soft opt"><span class="cut" title=${delivery.error ?? ''}>${delivery.error ?? ''}</span></td>
        <td class="num opt">${delivery.attempt}</td><td class="num opt">${duration(delivery.completed_in == null ? null : delivery.completed_in * 1000)}</td>
        <td class="num soft"><${Time} at=${delivery.created_at} /></td></tr>`;
    })}</tbody></table></div>`;
}
