import { html } from '../html.js';
import { useState } from '../vendor/hooks.js';
import { call, get, query, send } from '../api.js';
import { go, link } from '../route.js';
import { isScoped, mayWrite } from '../session.js';
import { useAction, useEvery, useLoad } from '../load.js';
import { Ask, Heading, Shown, Tag, Wrong, copy, say } from '../parts.js';
import { Time, duration } from '../time.js';
import { inWords, outcomeTag, whose } from '../words.js';
import { pretty, textAt } from '../json.js';
import { curl } from '../curl.js';
import { neighbours } from '../neighbours.js';
import { Headers, Timings } from './delivery_parts.js';
import { SignatureCheck } from './signature_check.js';

/** @typedef {import('openapi').components['schemas']['Delivery']} DeliveryRecord */

/** @param {{id: string}} props */
export function Delivery({ id }) {
  const loaded = useLoad(() => call(`/webhook_deliveries/${encodeURIComponent(id)}`), [id]);
  const waits = loaded.data?.data.outcome === 'waiting';
  useEvery(() => waits && loaded.reload(), 3, [waits]);
  return html`<${Shown} of=${loaded} title="Delivery">${(/** @type {any} */ { data, text }) => html`<${Record} delivery=${data} text=${text} />`}<//>`;
}

/** @param {{delivery: DeliveryRecord, text: string}} props */
function Record({ delivery, text }) {
  const [asking, setAsking] = useState(false);
  const sending = useAction();
  const beside = useLoad(() => neighbours(delivery), [delivery.id]);
  const body = textAt(text, ['request', 'payload']);
  const signed = delivery.request?.payload && 'jwt' in delivery.request.payload;
  const [kind, name] = outcomeTag(delivery.outcome);
  const redeliver = () =>
    sending.run(async () => {
      const made = await send('POST', `/webhook_deliveries/${delivery.id}/redeliver`);
      setAsking(false);
      say('The redelivery is on its way');
      go(['deliveries', made.id]);
    });
  const object = textAt(body ?? '', signed ? ['jwt', 'claims', 'data', 'object_id'] : ['object_id']);
  return html`<div class="crumbs"><a href=${link(['webhooks'])}>Webhooks</a> / <a class="other" href=${link(['webhooks', delivery.webhook?.id ?? ''])}>${delivery.webhook?.name ?? delivery.webhook?.id}</a> / Deliveries</div>
    <div class="head"><${Heading}>${delivery.event}${object && ` · object ${object}`}<//><${Tag} kind=${kind}>${name === 'failed' && delivery.next_attempt_at ? 'failed, will be tried again' : name}<//>${delivery.test && html`<${Tag}>test<//>`}<span class="grow"></span>
      ${beside.data?.newer && html`<a class="btn" rel="prev" href=${link(['deliveries', beside.data.newer])}>Newer</a>`}${beside.data?.older && html`<a class="btn" rel="next" href=${link(['deliveries', beside.data.older])}>Older</a>`}
      ${delivery.request && html`<button class="btn" type="button" onClick=${() => copy(curl(/** @type {any} */ (delivery.request), body), 'Command copied')}>Copy as curl</button><button class="btn" type="button" onClick=${() => copy(body ?? '', 'Body copied')}>Copy body</button>`}
      ${mayWrite() && html`<button class="btn main" type="button" onClick=${() => setAsking(true)}>Redeliver</button>`}</div>
    <${Wrong} of=${sending.failure} />
    <${Ending} delivery=${delivery} />
    <div class="split"><div>
      <h2>Attempts</h2><${Attempts} delivery=${delivery} />
      <h2>Where the time went</h2><${Timings} of=${delivery.timings} />
      <h2>Facts</h2><dl class="facts">
        <dt>Address</dt><dd class="mono">${delivery.address ?? '–'}</dd>
        <dt>When</dt><dd><${Time} at=${delivery.created_at} /></dd>
        <dt>Event</dt><dd><a class="text mono" href=${link(['events'], { id: delivery.event_id })}>${delivery.event_id}</a></dd>
        <dt>Message</dt><dd class="mono">${delivery.message_id}</dd>
        <dt>Delivery</dt><dd class="mono">${delivery.id}</dd>
        ${delivery.redelivery_of && html`<dt>Redelivery of</dt><dd><a class="text mono" href=${link(['deliveries', delivery.redelivery_of])}>${delivery.redelivery_of}</a></dd>`}
        ${delivery.retry_of && html`<dt>Retry of</dt><dd><a class="text mono" href=${link(['deliveries', delivery.retry_of])}>${delivery.retry_of}</a></dd>`}
      </dl>
    </div><div>
      <h2>Request</h2>${delivery.request ? html`<${Headers} of=${delivery.request.headers} first=${`POST ${delivery.request.uri}`} />
        <h2>${signed ? 'Body: a JWT, decoded' : 'Body'}</h2><pre tabindex="0" aria-label="Body" id="body">${pretty(body ?? '')}</pre>` : html`<p class="soft">None was sent.</p>`}
      <h2>Answer</h2>${delivery.response ? html`<${Headers} of=${delivery.response.headers} first=${`HTTP ${delivery.response.status}`} body=${delivery.response.body} />` : html`<p class="soft">None came.</p>`}
      ${delivery.request && html`<h2>Signature</h2><${SignatureCheck} key=${delivery.id} id=${String(delivery.request.headers['Webhook-Id'] ?? '')} timestamp=${String(delivery.request.headers['Webhook-Timestamp'] ?? '')} body=${signed ? '' : body ?? ''} />`}
    </div></div>
    ${asking && html`<${Ask} title="Redeliver this message?" act="Redeliver" busy=${sending.busy} onYes=${redeliver} onNo=${() => setAsking(false)}>The same message goes out again, with the same Webhook-Id, to the current URI.<//>`}`;
}

/** What happened, whose fault it is, and what comes next. @param {{delivery: DeliveryRecord}} props */
function Ending({ delivery }) {
  const { outcome, attempt, next_attempt_at: next } = delivery;
  const place = `Attempt ${attempt} of 10`;
  if (outcome === 'succeeded') return html`<div class="note ok"><b>The endpoint answered ${delivery.response?.status ?? '2xx'} in ${duration((delivery.completed_in ?? 0) * 1000)}.</b> <span class="soft">${place}.</span></div>`;
  if (outcome === 'waiting') return html`<div class="note wait"><b>Waiting.</b> <span class="soft">${place}${next ? html`; due <${Time} at=${next} />` : ''}.</span></div>`;
  const [what, advice] = inWords(delivery);
  return html`<div class="note bad"><b class="other">${what}</b>${delivery.error_class === 'tls' && html`<div class="mono other">${delivery.error}</div>`}
    <div class="soft">${whose(delivery.fault)} ${advice} ${outcome === 'skipped' ? '' : html`${place}${next ? html`; the next one <${Time} at=${next} />` : outcome === 'dropped' ? ', the last one' : ''}.`}</div></div>`;
}

/** @param {{delivery: DeliveryRecord}} props */
function Attempts({ delivery }) {
  const loaded = useLoad(
    () => (delivery.message_id ? get('/webhook_deliveries' + query({ message_id: delivery.message_id, per_page: 100 })).catch((failure) => (isScoped() ? [delivery] : Promise.reject(failure))) : Promise.resolve([delivery])),
    [delivery.id, delivery.outcome],
  );
  return html`<${Shown} of=${loaded}>${(/** @type {DeliveryRecord[]} */ all) => {
    const list = [...(all.length ? all : [delivery])].reverse();
    const last = list.at(-1);
    return html`<ol class="steps">${list.map((one) => {
        const [kind, name] = outcomeTag(one.outcome);
        return html`<li key=${one.id} class=${kind || 'off'}><i aria-hidden="true" /><span class="soft"><${Time} at=${one.created_at} /></span>
          <span>${one.id === delivery.id ? html`<b aria-current="true">${one.error ?? name}</b>` : html`<a class="text other" href=${link(['deliveries', one.id])}>${one.error ?? name}</a>`}</span>
          <span class="soft num">${duration(one.completed_in == null ? null : one.completed_in * 1000)}</span></li>`;
      })}
      ${last?.outcome === 'failed' && last.next_attempt_at && html`<li class="wait"><i aria-hidden="true" /><span class="soft"><${Time} at=${last.next_attempt_at} /></span><span class="soft">next attempt</span><span /></li>`}</ol>`;
  }}<//>`;
}
