import { html } from '../html.js';
import { useEffect, useState } from '../vendor/hooks.js';
import { absolute, call, get, query, send } from '../api.js';
import { change, link, route } from '../route.js';
import { isScoped, mayWrite } from '../session.js';
import { useAction, useEvery, useLoad } from '../load.js';
import { Empty, Heading, Shown, Wrong, say } from '../parts.js';
import { Time, count, momentOf } from '../time.js';
import { State } from '../webhook_state.js';
import { hours, Sparkline } from '../sparkline.js';
import { EVENTS } from '../events.js';

/** @typedef {import('../webhook_state.js').WebhookRecord} WebhookRecord */

const FIELDS = 'name,event,uri,disabled,last_error,last_delivery,verified,disabled_by,disabled_reason';
const PER_PAGE = 20;
/** Up to so many webhooks, the search finds parts of names and URIs: the API itself compares whole ones. */
const SEARCHED = 100;

/** @param {Record<string, string>} state */
async function list({ q = '', state = '', event = '', sort = '-id', page = '1' }) {
  const filters = { fields: FIELDS, event, disabled: state && String(state === 'disabled'), sort };
  if (!q) return paged(filters, page);
  const all = await paged(filters, '1', SEARCHED);
  if (all.total <= SEARCHED) {
    const wanted = q.toLowerCase();
    const found = all.webhooks.filter(({ id, name = '', uri = '' }) => `${id}\n${name}\n${uri}`.toLowerCase().includes(wanted));
    return { webhooks: found, total: found.length, pages: 1 };
  }
  const field = /^\d+$/.test(q) ? 'id' : /^https?:/i.test(q) ? 'uri' : 'name';
  return paged({ ...filters, [field]: q.replace(/^!/, '\\!') }, page);
}

/** @param {Record<string, any>} filters @param {string} page @param {number} [perPage] */
async function paged(filters, page, perPage = PER_PAGE) {
  const { data, headers } = await call('/webhooks' + query({ ...filters, page, per_page: perPage }));
  return {
    webhooks: /** @type {WebhookRecord[]} */ (data),
    total: Number(headers.get('X-Pagination-Total-Entries')),
    pages: Number(headers.get('X-Pagination-Total-Pages')),
  };
}

export function Webhooks() {
  const { query: state } = route.value;
  const listed = useLoad(() => list(state), [JSON.stringify(state)]);
  return html`<div class="head"><${Heading}>Webhooks<//><span class="soft">${listed.data && count(listed.data.total)}</span><span class="grow"></span>
      ${mayWrite() && !isScoped() && html`<a class="btn main" href=${link(['webhooks', 'new'])}>New webhook</a>`}</div>
    <${Filters} state=${state} />
    <${Shown} of=${listed}>${(/** @type {any} */ data) => html`<${List} ...${data} state=${state} reload=${listed.reload} />`}<//>`;
}

/** @param {{state: Record<string, string>}} props */
function Filters({ state }) {
  const [typed, setTyped] = useState(state.q ?? '');
  useEffect(() => setTyped(state.q ?? ''), [state.q]);
  const set = (/** @type {string} */ name) => (/** @type {any} */ event) => change({ [name]: event.target.value, page: '' });
  const search = (/** @type {Event} */ event) => {
    event.preventDefault();
    change({ q: typed.trim(), page: '' });
  };
  return html`<div class="bar">
    <form class="grow" role="search" onSubmit=${search}><input class="wide" type="search" aria-label="Search name, URI or id" placeholder="Search name, URI or id" value=${typed}
      onInput=${(/** @type {any} */ event) => (setTyped(event.target.value), event.target.value === '' && change({ q: '' }))} /><button class="btn">Search</button></form>
    <select aria-label="State" value=${state.state ?? ''} onChange=${set('state')}>
      <option value="">Any state</option><option value="enabled">Enabled</option><option value="disabled">Disabled</option></select>
    <select aria-label="Event" value=${state.event ?? ''} onChange=${set('event')}>
      <option value="">Any event</option><option value="*">*</option>
      ${state.event && ![...EVENTS, '*'].includes(state.event) && html`<option value=${state.event}>${state.event}</option>`}
      ${EVENTS.map((event) => html`<option value=${event}>${event}</option>`)}</select>
    <select aria-label="Order" value=${state.sort ?? '-id'} onChange=${set('sort')}>
      <option value="-id">Newest first</option><option value="id">Oldest first</option><option value="name">By name</option><option value="uri">By URI</option>
      <option value="event">By event</option><option value="-updated_at">Changed last</option></select>
  </div>`;
}

/** @param {{webhooks: WebhookRecord[], total: number, pages: number, state: Record<string, string>, reload: () => void}} props */
function List({ webhooks, total, pages, state, reload }) {
  const page = Number(state.page ?? 1);
  const extra = useExtra(webhooks);
  const toggling = useAction();
  const [newer, setNewer] = useState(0);
  const plain = !state.q && !state.state && !state.event;
  useEvery(async () => {
    if (plain) setNewer(Math.max(0, (await paged({ fields: 'id' }, '1', 1)).total - total));
  }, 30, [total, plain]);
  const toggle = (/** @type {WebhookRecord} */ { id, disabled, name }) =>
    toggling.run(async () => {
      await send('PATCH', `/webhooks/${id}`, { disabled: !disabled });
      say(`${name} is ${disabled ? 'enabled' : 'disabled'}`);
      reload();
    });
  if (!webhooks.length && page === 1) return plain ? html`<${None} />` : html`<${Empty} title="No webhook matches.">
    <a class="text" href=${link(['webhooks'])}>Show all</a>${state.q && ' · In accounts with more than 100 webhooks the search finds whole names, whole URIs and ids.'}<//>`;
  return html`<${Wrong} of=${toggling.failure} />
    ${newer > 0 && html`<div class="bar"><button class="btn" type="button" onClick=${() => (setNewer(0), reload())}>Show ${count(newer)} new</button></div>`}
    <div class="table"><table><thead><tr><th scope="col">Name</th><th scope="col" class="opt">Event</th><th scope="col">State</th><th scope="col" class="opt">24 h</th><th scope="col" class="num opt">Last</th>${mayWrite() && html`<th scope="col"><span class="unseen">Actions</span></th>`}</tr></thead>
    <tbody>${webhooks.map((webhook) => html`<tr key=${webhook.id}>
      <td><a href=${link(['webhooks', webhook.id])}><b class="other">${webhook.name}</b></a><span class="cut mono soft" title=${webhook.uri}>${webhook.uri}</span></td>
      <td class="mono opt"><span class="cut short" title=${webhook.event}>${webhook.event}</span></td>
      <td><${State} webhook=${webhook} hosts=${extra.hosts} />${webhook.last_error && html`<span class="cut short mono soft" title=${webhook.last_error}>${webhook.last_error}</span>`}</td>
      <td class="opt"><${Sparkline} counts=${extra.counts[webhook.id]} /></td>
      <td class="num soft opt"><${Time} at=${momentOf(webhook.last_delivery?.id)} /></td>
      ${mayWrite() && html`<td class="num"><button class="btn" type="button" disabled=${toggling.busy} onClick=${() => toggle(webhook)}
        aria-label=${`${webhook.disabled ? 'Enable' : 'Disable'} ${webhook.name}`}>${webhook.disabled ? 'Enable' : 'Disable'}</button></td>`}
    </tr>`)}</tbody></table></div>
    ${pages > 1 && html`<nav class="bar pages" aria-label="Pages"><span class="soft grow">Page ${count(page)} of ${count(pages)}</span>
      ${page > 1 && html`<a class="btn" href=${link(['webhooks'], { ...state, page: page > 2 ? page - 1 : '' })}>Previous</a>`}
      ${page < pages && html`<a class="btn" href=${link(['webhooks'], { ...state, page: page + 1 })}>Next</a>`}</nav>`}`;
}

/** What the list itself does not say: throttled hosts, and counts. @param {WebhookRecord[]} webhooks */
function useExtra(webhooks) {
  const [extra, setExtra] = useState(/** @type {{hosts: any[]|null, counts: Record<number, any>}} */ ({ hosts: null, counts: {} }));
  useEffect(() => {
    let open = true;
    const add = (/** @type {any} */ more) => open && setExtra((before) => ({ ...before, ...more(before) }));
    if (!isScoped()) get('/endpoint_hosts').then((hosts) => add(() => ({ hosts })), () => {});
    void (async () => {
      for (const { id } of webhooks) {
        if (!open) return;
        const counts = await hours(id);
        if (counts) add((/** @type {any} */ before) => ({ counts: { ...before.counts, [id]: counts } }));
      }
    })();
    return () => void (open = false);
  }, [webhooks]);
  return extra;
}

function None() {
  return html`<${Empty} title="No webhooks yet." curl=${`curl ${absolute('/webhooks')} -H "Authorization: Bearer $HOOKLINE_TOKEN" \\
  --json '{"event":"request.create","uri":"https://example.com/hook"}'`}>
    A webhook says: when this event occurs, post to this address. ${mayWrite() && html`<a class="text" href=${link(['webhooks', 'new'])}>Create the first one</a>`}<//>`;
}
