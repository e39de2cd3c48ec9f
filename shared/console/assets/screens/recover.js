import { html } from '../html.js';
import { useEffect, useState } from '../vendor/hooks.js';
import { absolute, call, get, query, send } from '../api.js';
import { change, link, route } from '../route.js';
import { mayWrite } from '../session.js';
import { useAction, useEvery, useLoad } from '../load.js';
import { Empty, Field, Heading, Shown, Wrong, described } from '../parts.js';
import { Time, count } from '../time.js';
import { EVENTS } from '../events.js';

const OUTCOMES = ['dropped', 'cancelled', 'skipped'];
const FIELDS = ['since', 'until', 'outcome', 'event', 'webhook'];

export function Recover() {
  const { job } = route.value.query;
  return html`<div class="head"><${Heading}>Recover<//></div>
    ${job ? html`<${Progress} key=${job} id=${job} />` : mayWrite() ? html`<${Form} />` : html`<${Empty} title="Only administrators may start a recovery." />`}`;
}

/** Webhooks to choose from: the newest hundred, and the one in the address. @param {string} chosen */
function useWebhooks(chosen) {
  return useLoad(async () => {
    const { data, headers } = await call('/webhooks' + query({ fields: 'name', per_page: 100 }));
    const missing = chosen && !data.some((/** @type {any} */ { id }) => String(id) === chosen);
    const more = missing ? await get(`/webhooks/${encodeURIComponent(chosen)}?fields=name`).then((one) => [one], () => []) : [];
    return { webhooks: [...more, ...data], all: Number(headers.get('X-Pagination-Total-Pages')) <= 1 };
  }, []);
}

function Form() {
  const { webhook = '', since = '', until = '', outcome = OUTCOMES.join(','), event = '' } = route.value.query;
  const listed = useWebhooks(webhook);
  const [counted, setCounted] = useState(/** @type {{matched: number, more: boolean, of: string}|null} */ (null));
  const acting = useAction();
  const chosen = outcome.split(',').filter(Boolean);
  const body = { ...(since && { since }), ...(until && { until }), outcome: chosen, ...(event && { event }) };
  const of = JSON.stringify([webhook, body]);
  const set = (/** @type {string} */ name) => (/** @type {any} */ input) => change({ [name]: input.target.value });
  const toggle = (/** @type {string} */ name) => (/** @type {any} */ input) => change({ outcome: OUTCOMES.filter((one) => (one === name ? input.target.checked : chosen.includes(one))).join(',') || ',' });
  const start = () =>
    acting.run(async () => {
      const job = await send('POST', `/webhooks/${webhook}/redeliver`, body);
      change({ job: job.id });
    });
  const dryRun = (/** @type {Event} */ submitted) => {
    submitted.preventDefault();
    void acting.run(async () => {
      setCounted(null);
      setCounted({ ...(await send('POST', `/webhooks/${webhook}/redeliver`, { ...body, dry_run: true })), of });
    });
  };
  const fresh = counted?.of === of ? counted : null;
  return html`<p>Sends again what an outage has kept from one webhook: each message once, in the background. Count first, then start.</p>
    <${Shown} of=${listed}>${(/** @type {any} */ { webhooks, all }) =>
      webhooks.length === 0
        ? html`<${Empty} title="No webhooks yet." curl=${`curl ${absolute('/webhooks/1/redeliver')} -H "Authorization: Bearer $HOOKLINE_TOKEN" --json '{"dry_run":true}'`}><a class="text" href=${link(['webhooks', 'new'])}>Create one first</a><//>`
        : html`<form class="form" onSubmit=${dryRun}><${Wrong} of=${acting.failure} fields=${FIELDS} />
          <${Field} id="webhook" label="Webhook" failure=${acting.failure} hint=${all ? '' : 'The newest hundred. Others: open the webhook, and choose Recover there.'}>
            <select required ...${described('webhook', acting.failure)} value=${webhook} onChange=${set('webhook')}><option value="">Choose…</option>${webhooks.map((/** @type {any} */ { id, name }) => html`<option value=${String(id)}>#${id} ${name}</option>`)}</select><//>
          <div class="split"><${Field} id="since" label="From" failure=${acting.failure} hint="In the account’s time zone; all if empty."><input type="datetime-local" step="1" ...${described('since', acting.failure)} value=${since} onChange=${set('since')} /><//>
            <${Field} id="until" label="To" failure=${acting.failure} hint="Until now if empty."><input type="datetime-local" step="1" ...${described('until', acting.failure)} value=${until} onChange=${set('until')} /><//></div>
          <fieldset><legend>Outcomes</legend><div class="row">${OUTCOMES.map((name) => html`<label><input type="checkbox" checked=${chosen.includes(name)} onChange=${toggle(name)} /> ${name}</label>`)}</div>
            ${acting.failure?.of('outcome').map((sentence) => html`<div class="wrong">${sentence}</div>`)}</fieldset>
          <${Field} id="event" label="Event" failure=${acting.failure} hint="All if empty."><input class="mono" list="event-names" autocomplete="off" ...${described('event', acting.failure)} value=${event} onChange=${set('event')} /><datalist id="event-names">${EVENTS.map((name) => html`<option value=${name} />`)}</datalist><//>
          <div class="row"><button class="btn" disabled=${acting.busy || !webhook}>Count</button>
            <button class="btn main" type="button" disabled=${acting.busy || !fresh || fresh.matched === 0} onClick=${start}>${fresh ? `Recover ${count(fresh.matched)}${fresh.more ? ' and more' : ''}` : 'Recover'}</button></div>
          <div aria-live="polite">${fresh && html`<div class=${`note ${fresh.matched ? 'wait' : 'ok'}`}><b>${fresh.matched ? `${count(fresh.matched)}${fresh.more ? ' and more' : ''} messages wait for a recovery.` : 'Nothing is left to recover.'}</b></div>`}</div>
        </form>`}<//>`;
}

/** @param {{id: string}} props */
function Progress({ id }) {
  const loaded = useLoad(() => get(`/redeliveries/${encodeURIComponent(id)}`), [id]);
  const running = loaded.data?.state === 'running';
  useEvery(loaded.reload, 2, [running, id]);
  const [done, setDone] = useState(false);
  useEffect(() => setDone(loaded.data !== undefined && !running), [running, loaded.data]);
  return html`<${Shown} of=${loaded}>${(/** @type {any} */ job) => html`
    <div class="stack"><h2 class="flush other">${job.webhook?.name ?? 'Webhook'}</h2>
      <progress aria-label="Redelivered" max=${Math.max(1, job.matched)} value=${job.state === 'done' ? Math.max(1, job.matched) : job.redelivered}></progress>
      <div role="status"><b>${{ running: 'Running', done: 'Done', stopped: 'Stopped' }[/** @type {string} */ (job.state)]}:</b> ${count(job.redelivered)} of ${count(job.matched)}${job.more ? '+' : ''} messages are on their way again.</div>
      <dl class="facts"><dt>Outcomes</dt><dd>${job.outcome?.join(', ')}</dd>${job.event && html`<dt>Event</dt><dd class="mono">${job.event}</dd>`}<dt>From</dt><dd>${job.since ? html`<${Time} at=${job.since} />` : 'the oldest'}</dd><dt>To</dt><dd>${job.until ? html`<${Time} at=${job.until} />` : 'now'}</dd>
        <dt>Started</dt><dd><${Time} at=${job.created_at} /></dd>${done && html`<dt>Finished</dt><dd><${Time} at=${job.finished_at} /></dd>`}</dl>
      <div class="row"><a class="btn" href=${link(['webhooks', job.webhook?.id ?? ''])}>Deliveries</a>${mayWrite() && html`<a class="btn" href=${link(['recover'], { webhook: job.webhook?.id })}>Recover more</a>`}</div></div>`}<//>`;
}
