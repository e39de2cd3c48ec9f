import { html } from '../html.js';
import { useState } from '../vendor/hooks.js';
import { call, get, query, send } from '../api.js';
import { link } from '../route.js';
import { mayWrite } from '../session.js';
import { useAction, useEvery, useLoad } from '../load.js';
import { Empty, Heading, Shown, Tag, Wrong, say } from '../parts.js';
import { Time, count } from '../time.js';
import { hostOf } from '../webhook_state.js';
import { hours, sum } from '../sparkline.js';

/**
 * @typedef {import('../webhook_state.js').WebhookRecord} WebhookRecord
 * @typedef {import('openapi').components['schemas']['Delivery']} DeliveryRecord
 */

const FIELDS = 'name,event,uri,disabled,last_error,verified,updated_at,disabled_by,disabled_reason';
/** The groups of failures that are shown. */
const GROUPS = 10;

async function look() {
  const since = new Date(Date.now() - 86_400_000).toISOString().slice(0, 19) + 'Z';
  const [disabled, newest, hosts, failures, dropped, counts] = await Promise.all([
    call('/webhooks/disabled' + query({ fields: FIELDS, per_page: 10, sort: '-updated_at' })),
    call('/webhooks/enabled' + query({ fields: FIELDS, per_page: 50 })),
    get('/endpoint_hosts'),
    get('/webhook_deliveries' + query({ per_page: 100, outcome: 'failed,dropped' })),
    call('/webhook_deliveries' + query({ per_page: 100, outcome: 'dropped', created_at: `>=${since}` })),
    hours(),
  ]);
  const ids = [...new Set(failures.map((/** @type {DeliveryRecord} */ { webhook }) => webhook?.id))].slice(0, 50);
  const failing = ids.length ? await get('/webhooks' + query({ id: ids.join(','), fields: 'name,uri', per_page: 100 })) : [];
  return {
    disabled: /** @type {WebhookRecord[]} */ (disabled.data),
    disabledTotal: Number(disabled.headers.get('X-Pagination-Total-Entries')),
    total: Number(newest.headers.get('X-Pagination-Total-Entries')) + Number(disabled.headers.get('X-Pagination-Total-Entries')),
    unverified: /** @type {WebhookRecord[]} */ (newest.data).filter(({ verified }) => verified === false),
    hosts: hosts.filter((/** @type {any} */ { throttled_at, held_until }) => throttled_at || held_until),
    waiting: hosts.reduce((/** @type {number} */ total, /** @type {any} */ { waiting }) => total + waiting, 0),
    groups: grouped(failures, failing),
    retried: failures.filter((/** @type {DeliveryRecord} */ { outcome, next_attempt_at: next }) => outcome === 'failed' && next && Date.parse(next) > Date.now()),
    dropped: dropped.data.length,
    droppedMore: dropped.headers.has('Link'),
    counts,
  };
}

/** @param {DeliveryRecord[]} failures @param {WebhookRecord[]} webhooks */
function grouped(failures, webhooks) {
  /** @type {Map<string, {host: string, error: string, newest: DeliveryRecord, count: number}>} */
  const groups = new Map();
  for (const failure of failures) {
    const uri = webhooks.find(({ id }) => id === failure.webhook?.id)?.uri;
    const host = hostOf(uri) || failure.webhook?.name || 'a deleted webhook';
    const key = `${host}\n${failure.error}`;
    const group = groups.get(key);
    if (group) group.count++;
    else groups.set(key, { host, error: failure.error ?? '', newest: failure, count: 1 });
  }
  return [...groups.values()].slice(0, GROUPS);
}

export function Overview() {
  const loaded = useLoad(look, []);
  const [changed, setChanged] = useState(false);
  useEvery(async () => {
    const [newest] = await get('/webhook_deliveries?per_page=1&outcome=failed,dropped').catch(() => []);
    if (newest && loaded.data && !loaded.data.groups.some(({ newest: shown }) => shown.id === newest.id)) setChanged(true);
  }, 30, [loaded.data]);
  const refresh = () => {
    setChanged(false);
    loaded.reload();
  };
  return html`<div class="head"><${Heading}>Overview<//><span class="grow"></span><span class="soft">last 24 hours</span></div>
    ${changed && html`<div class="bar"><button class="btn" type="button" onClick=${refresh}>Show what is new</button></div>`}
    <${Shown} of=${loaded}>${(/** @type {any} */ seen) => html`<${Seen} seen=${seen} reload=${refresh} />`}<//>`;
}

/** @param {{seen: Awaited<ReturnType<typeof look>>, reload: () => void}} props */
function Seen({ seen, reload }) {
  const delivered = seen.counts ? sum(seen.counts, 'succeeded') : null;
  const dropped = seen.counts ? sum(seen.counts, 'dropped') : seen.dropped;
  const oldest = seen.retried.at(-1);
  if (!seen.total && !seen.groups.length) return html`<${Empty} title="Nothing to watch yet." curl="hookline listen &">Create a webhook first. ${mayWrite() && html`<a class="text" href=${link(['webhooks', 'new'])}>New webhook</a>`} To see messages on your own machine, run a receiver:<//>`;
  return html`<div class="cards">
      <div class="card"><span class="soft">${delivered === null ? 'Webhooks' : 'Delivered'}</span><b>${count(delivered ?? seen.total)}</b><span class="soft">${delivered === null ? `${count(seen.total - seen.disabledTotal)} enabled` : `${count(seen.total)} webhooks`}</span></div>
      <div class=${`card ${seen.disabledTotal ? 'bad' : ''}`}><span class="soft">Disabled</span><b>${count(seen.disabledTotal)}</b><span class="soft"><a class="text" href=${link(['webhooks'], { state: 'disabled' })}>webhooks that get nothing</a></span></div>
      <div class="card"><span class="soft">Waiting</span><b>${seen.retried.length || seen.waiting ? `${count(Math.max(seen.retried.length, seen.waiting))}${seen.retried.length === 100 ? '+' : ''}` : '0'}</b><span class="soft">${oldest?.created_at ? html`oldest failed <${Time} at=${oldest.created_at} />` : 'no message waits for a retry'}</span></div>
      <div class=${`card ${dropped ? 'bad' : ''}`}><span class="soft">Dropped</span><b>${count(dropped)}${!seen.counts && seen.droppedMore ? '+' : ''}</b><span class="soft">${dropped && mayWrite() ? html`<a class="text" href=${link(['recover'])}>recover</a>` : 'messages without success'}</span></div>
    </div>
    <h2>Needs you</h2><${Needs} seen=${seen} reload=${reload} />
    <h2>Newest failures</h2>${seen.groups.length
      ? html`<div class="table"><table><thead><tr><th scope="col">Endpoint</th><th scope="col">Error</th><th scope="col" class="num">Count</th><th scope="col" class="num">Last</th></tr></thead><tbody>
          ${seen.groups.map(({ host, error, newest, count: times }) => html`<tr key=${host + error}><td class="other"><a href=${link(['deliveries', newest.id])}>${host}</a></td><td><span class="mono clip">${error}</span></td><td class="num">${count(times)}</td><td class="num soft"><${Time} at=${newest.created_at} /></td></tr>`)}
        </tbody></table></div>`
      : html`<p class="soft">None in the last 30 days.</p>`}`;
}

/** @param {{seen: Awaited<ReturnType<typeof look>>, reload: () => void}} props */
function Needs({ seen, reload }) {
  const acting = useAction();
  const lift = (/** @type {string} */ id) => acting.run(async () => (await send('DELETE', `/endpoint_hosts/${id}/throttle`), say('Lifted'), reload()));
  const verify = (/** @type {number} */ id) => acting.run(async () => (await send('POST', `/webhooks/${id}/verify`), say('The verify message is on its way')));
  if (!seen.disabled.length && !seen.hosts.length && !seen.unverified.length) return html`<p class="soft">Nothing. Every webhook is enabled, and no host is throttled.</p>`;
  return html`<${Wrong} of=${acting.failure} /><div class="table"><table><thead class="unseen"><tr><th scope="col">State</th><th scope="col">What</th><th scope="col">Action</th></tr></thead><tbody>
    ${seen.disabled.map((webhook) => html`<tr key=${webhook.id}><td><${Tag} kind="bad">disabled<//></td>
      <td><b class="other">${webhook.name}</b> <span class="soft">· by ${webhook.disabled_by === 'service' ? 'the service' : 'an administrator'}, changed <${Time} at=${webhook.updated_at} /></span><div class="mono soft clip">${webhook.disabled_reason ?? webhook.last_error ?? ''}</div></td>
      <td class="num"><a class="btn" href=${link(['webhooks', webhook.id])} aria-label=${`Open ${webhook.name}`}>Open</a></td></tr>`)}
    ${seen.hosts.map((/** @type {any} */ host) => html`<tr key=${host.id}><td><${Tag} kind="wait">throttled<//></td>
      <td><b class="other">${host.host}</b> <span class="soft">· since <${Time} at=${host.throttled_at ?? host.held_until} />, next probe <${Time} at=${host.next_probe_at ?? host.held_until} />, ${count(host.waiting)} messages wait</span></td>
      <td class="num">${mayWrite() ? html`<button class="btn" type="button" disabled=${acting.busy} onClick=${() => lift(host.id)} aria-label=${`Try now: ${host.host}`}>Try now</button>` : html`<a class="btn" href=${link(['hosts'])}>Open</a>`}</td></tr>`)}
    ${seen.unverified.map((webhook) => html`<tr key=${webhook.id}><td><${Tag}>unverified<//></td><td><b class="other">${webhook.name}</b> <span class="soft">· its endpoint has not answered the verify message</span></td>
      <td class="num">${mayWrite() ? html`<button class="btn" type="button" disabled=${acting.busy} onClick=${() => verify(webhook.id)} aria-label=${`Ask again: ${webhook.name}`}>Ask again</button>` : html`<a class="btn" href=${link(['webhooks', webhook.id])}>Open</a>`}</td></tr>`)}
  </tbody></table></div>`;
}
