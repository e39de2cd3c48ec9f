import { html } from '../html.js';
import { useEffect, useState } from '../vendor/hooks.js';
import { absolute, get, query, send } from '../api.js';
import { change, link, route } from '../route.js';
import { mayRead, mayWrite, session } from '../session.js';
import { useAction, useEvery, useLoad } from '../load.js';
import { Empty, Field, Heading, Shown, Tabs, Tag, Wrong, described, say } from '../parts.js';
import { Time, count } from '../time.js';
import { EVENTS } from '../events.js';
import { useOwnTypes } from './event_choice.js';
import { DeliveryTable } from './webhook_deliveries.js';

const mayPublish = () => mayWrite() || session.value?.role === 'publisher';
const FIELDS = ['event', 'id', 'object_id', 'payload'];

/** @param {{part: string|undefined}} props */
export function Events({ part }) {
  const entries = [
    { key: '', name: 'By id', href: link(['events']) },
    ...(mayPublish() ? [{ key: 'explain', name: 'Explain', href: link(['events', 'explain']) }, { key: 'publish', name: 'Publish a test event', href: link(['events', 'publish']) }] : []),
  ];
  return html`<div class="head"><${Heading}>Events<//></div>
    <${Tabs} label="Events" entries=${entries} here=${part ?? ''} />
    ${part === undefined && html`<${ById} />`}
    ${part === 'explain' && mayPublish() && html`<${Explain} />`}
    ${part === 'publish' && mayPublish() && html`<${Publish} />`}`;
}

function ById() {
  const { id = '' } = route.value.query;
  const [typed, setTyped] = useState(id);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    change({ id: typed.trim() });
  };
  return html`<form class="bar" role="search" onSubmit=${submit}><div class="grow"><input class="wide mono" type="search" aria-label="Event id" placeholder="Event id" value=${typed} onInput=${(/** @type {any} */ event) => setTyped(event.target.value)} /></div><button class="btn">Show</button></form>
    ${id
      ? html`<${Counts} key=${id} id=${id} />`
      : html`<${Empty} title="Which event?" curl=${`curl ${absolute('/events/EVENT_ID')} -H "Authorization: Bearer $HOOKLINE_TOKEN"`}>Publishing answers with the id of the event. Each delivery shows it too.<//>`}`;
}

/** @param {{id: string}} props */
function Counts({ id }) {
  const loaded = useLoad(async () => {
    const event = await get(`/events/${encodeURIComponent(id)}`);
    const deliveries = mayRead() ? await get('/webhook_deliveries' + query({ event_id: id, per_page: 100 })) : [];
    return { event, deliveries };
  }, [id]);
  const open = loaded.data && (loaded.data.event.matched === null || loaded.data.event.waiting > 0);
  useEvery(() => open && loaded.reload(), 5, [open]);
  return html`<${Shown} of=${loaded}>${(/** @type {any} */ { event, deliveries }) => html`
    <p><b class="mono">${event.event}</b> <span class="soft">accepted <${Time} at=${event.accepted_at} />, ${event.matched === null ? 'not yet matched with webhooks' : `matched ${count(event.matched)} webhooks`}</span></p>
    <div class="cards outcomes">${[['succeeded', ''], ['waiting', ''], ['dropped', 'bad'], ['cancelled', ''], ['skipped', '']].map(([name, kind]) => html`<div class=${`card ${event[name] ? kind : ''}`}><span class="soft">${name}</span><b>${count(event[name])}</b></div>`)}</div>
    ${mayRead() && html`<h2>Deliveries</h2>${deliveries.length ? html`<${DeliveryTable} deliveries=${deliveries} named />` : html`<p class="soft">None: no webhook gets this event.</p>`}`}`}<//>`;
}

/** @param {{draft: any, set: (change: any) => void, failure: any, withId: boolean}} props */
function EventFields({ draft, set, failure, withId }) {
  const own = mayRead() ? useOwnTypes() : [];
  const bind = (/** @type {string} */ name) => ({ ...described(name, failure), value: draft[name], onInput: (/** @type {any} */ event) => set({ [name]: event.target.value }) });
  return html`<${Field} id="event" label="Event" failure=${failure} hint="One of the 77, or an own type."><input class="mono" list="event-names" autocomplete="off" spellcheck=${false} ...${bind('event')} />
      <datalist id="event-names">${[...EVENTS, ...own].map((name) => html`<option value=${name} />`)}</datalist><//>
    ${withId && html`<${Field} id="id" label="Id" failure=${failure} hint="Made for you if empty. The same id again makes no second message."><input class="mono" autocomplete="off" ...${bind('id')} /><//>`}
    <${Field} id="object_id" label="Object id" failure=${failure}><input inputmode="numeric" autocomplete="off" ...${bind('object_id')} /><//>
    <${Field} id="payload" label="Payload" failure=${failure} hint="A JSON object."><textarea spellcheck=${false} ...${bind('payload')} /><//>`;
}

/** The event as JSON text, so that its numbers stay as typed. @param {any} draft */
function bodyOf({ event, id, object_id: object, payload }) {
  const parts = [`"event":${JSON.stringify(event)}`];
  if (id) parts.push(`"id":${JSON.stringify(id)}`);
  if (object) parts.push(`"object_id":${/^\d+$/.test(object) ? object : JSON.stringify(object)}`);
  if (payload.trim()) parts.push(`"payload":${payload}`);
  return `{${parts.join(',')}}`;
}

/** Whether the typed payload is JSON; the API would only say that the whole is not. @param {string} payload */
function isJson(payload) {
  try {
    return payload.trim() === '' || typeof JSON.parse(payload) === 'object';
  } catch {
    return false;
  }
}

const first = () => ({ event: 'request.create', id: '', object_id: '12345', payload: '{}', ...route.value.query });

/** What is typed; the address fills it first. */
function useDraft() {
  const [draft, setDraft] = useState(/** @type {any} */ (first()));
  const set = (/** @type {any} */ more) => setDraft((/** @type {any} */ before) => ({ ...before, ...more }));
  return { draft, set };
}

function Publish() {
  const { draft, set } = useDraft();
  const publishing = useAction();
  const [id, setId] = useState(/** @type {string|null} */ (null));
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void publishing.run(async () => {
      if (!isJson(draft.payload)) throw new Error('The payload is not a JSON object.');
      setId(null);
      setId((await send('POST', '/events', bodyOf(draft))).id);
      say('Published');
    });
  };
  return html`<form class="form" onSubmit=${submit}><p class="soft">This is a real event: every matching webhook gets it.</p>
      <${Wrong} of=${publishing.failure} fields=${FIELDS} />
      <${EventFields} draft=${draft} set=${set} failure=${publishing.failure} withId=${true} />
      <div class="row"><button class="btn main" disabled=${publishing.busy}>Publish</button></div></form>
    ${id && html`<br /><div class="note ok" role="status"><b>Accepted.</b> <a class="text mono" href=${link(['events'], { id })}>${id}</a></div>`}`;
}

function Explain() {
  const { draft, set } = useDraft();
  const asking = useAction();
  const [answers, setAnswers] = useState(/** @type {any[]|null} */ (null));
  const ask = () =>
    asking.run(async () => {
      if (!isJson(draft.payload)) throw new Error('The payload is not a JSON object.');
      setAnswers(await send('POST', '/events/explain', bodyOf({ ...draft, id: '' })));
      change({ event: draft.event, object_id: draft.object_id, payload: draft.payload === '{}' ? '' : draft.payload.slice(0, 2000), ask: 1 });
    });
  useEffect(() => {
    if (route.value.query.ask) void ask();
  }, []);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void ask();
  };
  return html`<form class="form" onSubmit=${submit}><p class="soft">Says which webhooks would get an event, and why. Sends nothing.</p>
      <${Wrong} of=${asking.failure} fields=${FIELDS} />
      <${EventFields} draft=${draft} set=${set} failure=${asking.failure} withId=${false} />
      <div class="row"><button class="btn main" disabled=${asking.busy}>Explain</button></div></form>
    ${answers && html`<h2>${answers.filter((/** @type {any} */ { matches }) => matches).length} of ${answers.length} webhooks match</h2>
      ${answers.length ? html`<div class="table"><table><thead><tr><th scope="col">Webhook</th><th scope="col">Gets it</th><th scope="col">Why</th></tr></thead><tbody>
        ${[...answers].sort((one, other) => Number(other.matches) - Number(one.matches)).slice(0, 200).map(({ webhook, matches, why, mismatch }) => html`<tr key=${webhook.id}><td class="other">${mayRead() ? html`<a href=${link(['webhooks', webhook.id])}>${webhook.name ?? `#${webhook.id}`}</a>` : `#${webhook.id}`}</td>
          <td><${Tag} kind=${matches ? 'ok' : ''}>${matches ? 'yes' : 'no'}<//></td><td class="soft">${why}${mismatch && html`<div class="mono clip">${mismatch.field}: expected ${mismatch.expected}, found ${mismatch.found ?? 'nothing'}</div>`}</td></tr>`)}
      </tbody></table></div>${answers.length > 200 && html`<p class="hint">The first 200 are shown.</p>`}` : html`<p class="soft">The account has no webhooks.</p>`}`}`;
}
