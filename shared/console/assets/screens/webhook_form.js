import { html } from '../html.js';
import { useEffect, useState } from '../vendor/hooks.js';
import { Failure, call, get, send } from '../api.js';
import { go, link } from '../route.js';
import { mayWrite } from '../session.js';
import { useAction } from '../load.js';
import { Empty, Field, Heading, Wrong, described, say } from '../parts.js';
import { EventChoice, namesOf } from './event_choice.js';
import { FilterPreview } from './filter_preview.js';
import { HeadersInput } from './headers_input.js';
import { read } from '../uri.js';

const FIELDS = ['name', 'event', 'events', 'uri', 'description', 'mail_exceptions_to', 'webhook_policy_id', 'headers', 'filter', 'disabled', 'openid_connect_discovery', 'trace', 'content_type'];

/** The content type without a charset. */
const PLAIN = 'application/json';

/**
 * @typedef {import('../webhook_state.js').WebhookRecord} WebhookRecord
 * @typedef {{name: string, event: string, uri: string, description: string, mail_exceptions_to: string, webhook_policy_id: string, disabled: boolean, openid_connect_discovery: boolean, trace: boolean, content_type: boolean, headers: [string, string][], filter: string}} Draft
 */

/** @param {Partial<WebhookRecord>} webhook @returns {Draft} */
const draftOf = (webhook) => ({
  name: webhook.name ?? '',
  event: (webhook.events ?? []).join(' '),
  uri: webhook.uri ?? '',
  description: webhook.description ?? '',
  mail_exceptions_to: webhook.mail_exceptions_to ?? '',
  webhook_policy_id: String(webhook.webhook_policy?.id ?? ''),
  disabled: webhook.disabled ?? false,
  openid_connect_discovery: webhook.openid_connect_discovery ?? false,
  trace: webhook.trace ?? false,
  content_type: webhook.content_type === PLAIN,
  headers: Object.entries(webhook.headers ?? {}),
  filter: webhook.filter ? JSON.stringify(webhook.filter, null, 2) : '',
});

/** The filter as JSON; what is not JSON goes to the service as it is, whose sentence comes back. @param {string} typed */
function filterOf(typed) {
  try {
    return typed.trim() ? JSON.parse(typed) : null;
  } catch {
    return typed;
  }
}

/** The typed names: one is the `event` of the original API, several are `events`. @param {string} typed */
function eventsOf(typed) {
  const events = namesOf(typed);
  return { event: events[0] ?? '', events: events.length > 1 ? events : null };
}

/** @param {Draft} draft */
const input = (draft) => ({ ...draft, ...eventsOf(draft.event), content_type: draft.content_type ? PLAIN : null, filter: filterOf(draft.filter), headers: Object.fromEntries(draft.headers.filter(([name, value]) => name || value)) });

export function NewWebhook() {
  if (!mayWrite()) return html`<div class="head"><${Heading}>New webhook<//></div><${Empty} title="Only administrators may create webhooks." />`;
  return html`<div class="crumbs"><a href=${link(['webhooks'])}>Webhooks</a> / new</div><div class="head"><${Heading}>New webhook<//></div>
    <${Form} draft=${draftOf({})} save=${async (/** @type {Draft} */ draft) => (await send('POST', '/webhooks', input(draft))).id} cancel=${link(['webhooks'])} />`;
}

/** A webhook with the `ETag` of its state. @typedef {{webhook: WebhookRecord, tag: string|null}} Version */

/** @param {string|number} id @param {string} fields @returns {Promise<Version>} */
export async function version(id, fields) {
  const { data, headers } = await call(`/webhooks/${encodeURIComponent(id)}?fields=${fields}`);
  return { webhook: data, tag: headers.get('ETag') };
}

/** The fields in which one draft differs from another. @param {Draft} draft @param {Draft} from @returns {[string, any][]} */
function changes(draft, from) {
  const before = /** @type {Record<string, any>} */ (input(from));
  return Object.entries(input(draft)).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name]));
}

/** @param {Version & {load: () => Promise<Version>}} props */
export function EditWebhook({ webhook, tag, load }) {
  const [before] = useState(() => draftOf(webhook));
  const [known, setKnown] = useState({ draft: before, tag });
  const [theirs, setTheirs] = useState(/** @type {[string, any][]} */ ([]));
  const patch = (/** @type {Draft} */ draft, /** @type {string|null} */ tag) =>
    call(`/webhooks/${webhook.id}`, { method: 'PATCH', body: Object.fromEntries(changes(draft, before)), headers: tag ? { 'If-Match': tag } : {} });
  const save = async (/** @type {Draft} */ draft) => {
    try {
      await patch(draft, known.tag);
    } catch (failure) {
      if (!(failure instanceof Failure) || failure.status !== 412) throw failure;
      const now = await load();
      const found = draftOf(now.webhook);
      const others = changes(found, known.draft);
      setKnown({ draft: found, tag: now.tag });
      setTheirs(others);
      // Deliveries change the record as well: its newest error.
      if (others.length) throw failure;
      await patch(draft, now.tag);
    }
    return webhook.id;
  };
  return html`<div class="head"><${Heading}>Edit <span class="other">${webhook.name}</span><//></div>
    <${Form} draft=${before} save=${save} cancel=${link(['webhooks', webhook.id, 'settings'])} theirs=${theirs} />`;
}

/** What someone else changed meanwhile. @param {{of: [string, any][]}} props */
const Theirs = ({ of }) => html`<div class="note wait" role="alert"><b>Someone else changed this webhook meanwhile. What you typed is kept.</b>
  <dl class="facts">${of.map(([name, value]) => html`<dt>${name}</dt><dd class="mono other">${typeof value === 'string' ? value : JSON.stringify(value)}</dd>`)}</dl>
  Save again to set the fields that you changed. The others stay as they are now.</div>`;

/** @param {{draft: Draft, save: (draft: Draft) => Promise<number>, cancel: string, theirs?: [string, any][]}} props */
function Form({ draft: initial, save, cancel, theirs = [] }) {
  const [draft, setDraft] = useState(initial);
  const [policies, setPolicies] = useState(/** @type {any[]} */ ([]));
  const saving = useAction();
  useEffect(() => {
    get('/webhook_policies/enabled?per_page=100&fields=name,jwt_alg').then(setPolicies, () => {});
  }, []);
  useEffect(() => {
    if (saving.failure) /** @type {HTMLElement|null} */ (document.querySelector('main [aria-invalid="true"]'))?.focus();
  }, [saving.failure]);
  const set = (/** @type {Partial<Draft>} */ change) => setDraft((before) => ({ ...before, ...change }));
  const typed = (/** @type {keyof Draft} */ name) => ({ value: draft[name], onInput: (/** @type {any} */ event) => set({ [name]: event.target.value }) });
  const checked = (/** @type {keyof Draft} */ name) => ({ checked: draft[name], onChange: (/** @type {any} */ event) => set({ [name]: event.target.checked }) });
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const test = /** @type {HTMLButtonElement|null} */ (event.submitter)?.value === 'test';
    void saving.run(async () => {
      const id = await save(draft);
      say('Saved');
      go(['webhooks', id, test ? 'test' : 'settings'], test ? { run: 1 } : {});
    });
  };
  const { failure } = saving;
  const linked = draft.webhook_policy_id && !policies.some(({ id }) => String(id) === draft.webhook_policy_id);
  return html`<form class="form" onSubmit=${submit} novalidate>
    ${failure?.status === 412 ? html`<${Theirs} of=${theirs} />` : html`<${Wrong} of=${failure} fields=${FIELDS} />`}
    <${EventChoice} value=${draft.event} onChange=${(/** @type {string} */ event) => set({ event })} failure=${failure} />
    <${Field} id="filter" label="Filter" failure=${failure} hint=${html`<${FilterHint} typed=${draft.filter} />`}><textarea ...${described('filter', failure)} ...${typed('filter')} spellcheck=${false} placeholder='{"payload": {"status": ["open"]}}' /><//>
    <${FilterPreview} filter=${filterOf(draft.filter)} />
    <${Field} id="uri" label="URI" failure=${failure} hint="http or https, also with a query and user:password@. A password shown as *** is kept."><input ...${described('uri', failure)} ...${typed('uri')} type="text" inputmode="url" class="mono" spellcheck=${false} autocomplete="off" /><//>
    <${UriRead} typed=${draft.uri} />
    <${Field} id="name" label="Name" failure=${failure} hint="The event, if you leave it empty."><input ...${described('name', failure)} ...${typed('name')} autocomplete="off" /><//>
    <${Field} id="description" label="Description" failure=${failure}><textarea ...${described('description', failure)} ...${typed('description')} /><//>
    <${Field} id="mail_exceptions_to" label="Mail about failures to" failure=${failure} hint="Up to 20 addresses, with commas between them; the administrators if empty."><input ...${described('mail_exceptions_to', failure)} ...${typed('mail_exceptions_to')} autocomplete="off" /><//>
    <${HeadersInput} value=${draft.headers} onChange=${(/** @type {[string, string][]} */ headers) => set({ headers })} failure=${failure} />
    <${Field} id="webhook_policy_id" label="Policy" name="webhook_policy" failure=${failure} hint="Messages become JWTs, signed with the key of the policy.">
      <select ...${described('webhook_policy_id', failure, 'webhook_policy')} value=${draft.webhook_policy_id} onChange=${(/** @type {any} */ event) => set({ webhook_policy_id: event.target.value })}>
        <option value="">none</option>${linked && html`<option value=${draft.webhook_policy_id}>#${draft.webhook_policy_id}</option>`}
        ${policies.map(({ id, name, jwt_alg }) => html`<option value=${String(id)}>#${id} ${jwt_alg} ${name.slice(0, 12)}…</option>`)}</select><//>
    <div class="field"><label class="check"><input type="checkbox" ...${checked('openid_connect_discovery')} /> Receivers find the keys by OpenID Connect discovery</label>
      <label class="check"><input type="checkbox" ...${checked('trace')} /> Send the trace context (<span class="mono">traceparent</span>)</label>
      <label class="check"><input type="checkbox" ...${checked('content_type')} /> The receiver refuses a charset in Content-Type</label>
      <label class="check"><input type="checkbox" ...${checked('disabled')} /> Disabled</label></div>
    <div class="row"><button class="btn main" value="save" disabled=${saving.busy}>Save</button><button class="btn" value="test" disabled=${saving.busy}>Save and test</button><a class="btn plain" href=${cancel}>Cancel</a></div>
  </form>`;
}

/** @param {{typed: string}} props */
function UriRead({ typed }) {
  if (!typed.trim()) return null;
  const found = read(typed);
  if (!found) return html`<div class="note wait">This is not yet a URI with http or https and a host.</div>`;
  return html`<div class="note"><dl class="facts">${found.parts.map(([name, value]) => html`<dt>${name}</dt><dd class="mono other">${value}</dd>`)}</dl>
    ${found.warnings.map((warning) => html`<div class="wrong other">${warning}</div>`)}</div>`;
}

/** @param {{typed: string}} props */
function FilterHint({ typed }) {
  const filter = filterOf(typed);
  if (filter === null) return 'All events of this name or pattern. A pattern in the syntax of EventBridge chooses among them.';
  return typeof filter === 'object' ? 'Events whose fields match all of it. Events, Explain tells which webhooks an event reaches.' : 'This is not yet JSON.';
}
