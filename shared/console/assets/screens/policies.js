import { html } from '../html.js';
import { useState } from '../vendor/hooks.js';
import { absolute, call, get, query, send } from '../api.js';
import { change, link, route } from '../route.js';
import { mayWrite } from '../session.js';
import { useAction, useLoad } from '../load.js';
import { Ask, Empty, Field, Heading, Shown, Tag, Wrong, copy, described, say } from '../parts.js';
import { Time, count } from '../time.js';
import { History } from './history.js';

const ALGORITHMS = ['es256', 'es384', 'es512', 'rs256', 'rs384', 'rs512', 'hs256', 'hs384', 'hs512'];
const FIELDS = ['jwt_alg', 'jwt_audience', 'jwt_claim_expires_in'];

/** @typedef {import('openapi').components['schemas']['WebhookPolicy']} Policy */

export function Policies() {
  const { page = '1', new: creating, history } = route.value.query;
  const loaded = useLoad(async () => {
    const { data, headers } = await call('/webhook_policies' + query({ fields: 'name,jwt_alg,jwt_audience,jwt_claim_expires_in,disabled,created_at,updated_at', per_page: 50, page, sort: '-created_at' }));
    return { policies: /** @type {Policy[]} */ (data), pages: Number(headers.get('X-Pagination-Total-Pages')) };
  }, [page]);
  const [key, setKey] = useState(/** @type {{id: number, pem: string}|null} */ (null));
  const made = (/** @type {any} */ policy) => {
    setKey({ id: policy.id, pem: policy.public_key_pem });
    change({ new: '' });
    loaded.reload();
  };
  return html`<div class="head"><${Heading}>Policies<//><span class="grow"></span>${mayWrite() && !creating && html`<button class="btn main" type="button" onClick=${() => change({ new: 1 })}>New policy</button>`}</div>
    <p>A policy makes the body of messages a JWT, signed with its key. Webhooks choose one in their settings.</p>
    ${key && html`<div class="note ok" role="status"><h2 class="flush">Key of policy #${key.id}: shown only now</h2><pre tabindex="0" aria-label="Key">${key.pem}</pre><br /><div class="row"><button class="btn" type="button" onClick=${() => copy(key.pem)}>Copy</button><button class="btn" type="button" onClick=${() => setKey(null)}>Hide</button></div></div>`}
    ${creating && mayWrite() && html`<${NewPolicy} made=${made} />`}
    <${Shown} of=${loaded}>${(/** @type {any} */ { policies, pages }) =>
      policies.length
        ? html`<${List} policies=${policies} made=${made} reload=${loaded.reload} history=${history} />
            ${pages > 1 && html`<nav class="bar pages" aria-label="Pages"><span class="soft grow">Page ${page} of ${count(pages)}</span>${Number(page) > 1 && html`<a class="btn" href=${link(['policies'], { page: Number(page) - 1 })}>Previous</a>`}${Number(page) < pages && html`<a class="btn" href=${link(['policies'], { page: Number(page) + 1 })}>Next</a>`}</nav>`}`
        : html`<${Empty} title="No policies yet." curl=${`curl ${absolute('/webhook_policies')} -H "Authorization: Bearer $HOOKLINE_TOKEN" --json '{"jwt_alg":"es256"}'`}>Messages are signed with the secret of their webhook alone.<//>`}<//>`;
}

/** @param {{policies: Policy[], made: (policy: any) => void, reload: () => void, history: string|undefined}} props */
function List({ policies, made, reload, history }) {
  const [asking, setAsking] = useState(/** @type {{policy: Policy, act: 'rotate'|'delete'}|null} */ (null));
  const acting = useAction();
  const toggle = (/** @type {Policy} */ { id, disabled }) => acting.run(async () => (await send('PATCH', `/webhook_policies/${id}`, { disabled: !disabled }), say(disabled ? 'Enabled' : 'Disabled'), reload()));
  const activate = (/** @type {Policy} */ { id }) => acting.run(async () => (await send('POST', `/webhook_policies/${id}/rotate`, { activate: true }), say('The newest key signs now'), reload()));
  const yes = () =>
    acting.run(async () => {
      if (!asking) return;
      const { policy, act } = asking;
      if (act === 'rotate') made(await send('POST', `/webhook_policies/${policy.id}/rotate`));
      else await send('DELETE', `/webhook_policies/${policy.id}`).finally(() => setAsking(null));
      setAsking(null);
      say(act === 'rotate' ? 'A new key is made' : 'Deleted');
      reload();
    });
  return html`<${Wrong} of=${acting.failure} /><div class="table"><table><thead><tr><th scope="col">Policy</th><th scope="col">Algorithm</th><th scope="col">State</th><th scope="col" class="opt">Key</th>${mayWrite() && html`<th scope="col"><span class="unseen">Actions</span></th>`}</tr></thead><tbody>
      ${policies.map((policy) => html`<tr key=${policy.id}><td>#${policy.id} <span class="cut mono soft" title=${policy.name}>${policy.name}</span></td>
        <td class="mono">${policy.jwt_alg}${policy.jwt_audience && html`<div class="soft clip" title=${policy.jwt_audience}>aud ${policy.jwt_audience}</div>`}${policy.jwt_claim_expires_in && html`<div class="soft">exp ${policy.jwt_claim_expires_in} min</div>`}</td>
        <td><${Tag} kind=${policy.disabled ? '' : 'ok'}>${policy.disabled ? 'disabled' : 'enabled'}<//></td>
        <td class="soft opt"><${KeyAge} policy=${policy} /> <button class="btn plain" type="button" aria-expanded=${history === String(policy.id)} aria-label=${`History of policy ${policy.id}`} onClick=${() => change({ history: history === String(policy.id) ? '' : policy.id, after: '' })}>History</button></td>
        ${mayWrite() && html`<td><div class="row"><button class="btn" type="button" aria-label=${`Rotate policy ${policy.id}`} onClick=${() => setAsking({ policy, act: 'rotate' })}>Rotate</button>
          <button class="btn" type="button" aria-label=${`Activate the newest key of policy ${policy.id}`} disabled=${acting.busy} onClick=${() => activate(policy)}>Activate</button>
          <button class="btn" type="button" aria-label=${`${policy.disabled ? 'Enable' : 'Disable'} policy ${policy.id}`} disabled=${acting.busy} onClick=${() => toggle(policy)}>${policy.disabled ? 'Enable' : 'Disable'}</button>
          <button class="btn risk" type="button" aria-label=${`Delete policy ${policy.id}`} onClick=${() => setAsking({ policy, act: 'delete' })}>Delete</button></div></td>`}</tr>
        ${history === String(policy.id) && html`<tr key=${`history-${policy.id}`}><td colspan="5"><${History} of=${`/webhook_policies/${policy.id}`} /></td></tr>`}`)}
    </tbody></table></div>
    ${asking && html`<${Ask} title=${asking.act === 'rotate' ? `Rotate the key of policy #${asking.policy.id}?` : `Delete policy #${asking.policy.id}?`} act=${asking.act === 'rotate' ? 'Rotate' : 'Delete'} busy=${acting.busy} onYes=${yes} onNo=${() => setAsking(null)}>
      ${asking.act === 'rotate' ? 'The new key is published at once. It signs after 2 hours for webhooks with discovery, and once you activate it for others.' : 'A policy that a webhook uses cannot be deleted.'}<//>`}`;
}

/** The age of the newest key, which the audit trail tells. @param {{policy: Policy}} props */
function KeyAge({ policy }) {
  const loaded = useLoad(async () => {
    const entries = await get(`/webhook_policies/${policy.id}/audit?per_page=20`).catch(() => []);
    return entries.find((/** @type {any} */ { changes }) => changes?.kid)?.created_at ?? policy.created_at;
  }, [policy.id, policy.updated_at]);
  return html`<${Time} at=${loaded.data ?? policy.created_at} />`;
}

/** @param {{made: (policy: any) => void}} props */
function NewPolicy({ made }) {
  const [draft, setDraft] = useState({ jwt_alg: 'es256', jwt_audience: '', jwt_claim_expires_in: '' });
  const creating = useAction();
  const bind = (/** @type {keyof typeof draft} */ name) => ({ ...described(name, creating.failure), value: draft[name], onInput: (/** @type {any} */ event) => setDraft({ ...draft, [name]: event.target.value }) });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void creating.run(async () => made(await send('POST', '/webhook_policies', draft)));
  };
  return html`<form class="form card new" onSubmit=${submit}><h2 class="flush">New policy</h2><${Wrong} of=${creating.failure} fields=${FIELDS} />
    <${Field} id="jwt_alg" label="Algorithm" failure=${creating.failure} hint="es256 suits most receivers. With hs* both sides share a secret."><select ...${bind('jwt_alg')}>${ALGORITHMS.map((name) => html`<option value=${name}>${name}</option>`)}</select><//>
    <${Field} id="jwt_audience" label="Audience" failure=${creating.failure} hint="The claim aud; none if empty."><input autocomplete="off" ...${bind('jwt_audience')} /><//>
    <${Field} id="jwt_claim_expires_in" label="Expires in" failure=${creating.failure} hint="Minutes, or hhh:mm; never if empty."><input autocomplete="off" ...${bind('jwt_claim_expires_in')} /><//>
    <div class="row"><button class="btn main" disabled=${creating.busy}>Create</button><button class="btn" type="button" onClick=${() => change({ new: '' })}>Cancel</button></div></form>`;
}
