import { html } from '../html.js';
import { useEffect, useState } from '../vendor/hooks.js';
import { get, send } from '../api.js';
import { go, link } from '../route.js';
import { isScoped, mayWrite } from '../session.js';
import { useAction, useLoad } from '../load.js';
import { Ask, Heading, Shown, Tabs, Wrong, say } from '../parts.js';
import { State } from '../webhook_state.js';
import { EditWebhook, version } from './webhook_form.js';
import { WebhookDeliveries } from './webhook_deliveries.js';
import { WebhookSettings } from './webhook_settings.js';
import { WebhookSigning } from './webhook_signing.js';
import { WebhookTest } from './webhook_test.js';
import { History } from './history.js';

export const FIELDS =
  'id,nodeID,event,events,uri,name,description,attachments,disabled,mail_exceptions_to,webhook_policy,source,sourceID,last_error,created_at,updated_at,verified,headers,openid_connect_discovery,trace,last_delivery,disabled_by,disabled_reason,filter,content_type';

/** @param {{id: string, part: string}} props */
export function Webhook({ id, part }) {
  const load = () => version(id, FIELDS);
  const loaded = useLoad(load, [id]);
  return html`<div class="crumbs">${isScoped() ? 'Webhook' : html`<a href=${link(['webhooks'])}>Webhooks</a> / ${id}`}</div>
    <${Shown} of=${loaded} title="Webhook">${(/** @type {import('./webhook_form.js').Version} */ { webhook, tag }) =>
      part === 'edit' && mayWrite() ? html`<${EditWebhook} webhook=${webhook} tag=${tag} load=${load} />` : html`<${Record} webhook=${webhook} part=${part} reload=${loaded.reload} />`}<//>`;
}

/** @param {{webhook: import('../webhook_state.js').WebhookRecord, part: string, reload: () => void}} props */
function Record({ webhook, part, reload }) {
  const [hosts, setHosts] = useState(null);
  const changing = useAction();
  useEffect(() => {
    if (!isScoped()) get('/endpoint_hosts').then(setHosts, () => {});
  }, [webhook]);
  const to = (/** @type {string} */ part) => link(['webhooks', webhook.id, part]);
  const toggle = () =>
    changing.run(async () => {
      await send('PATCH', `/webhooks/${webhook.id}`, { disabled: !webhook.disabled });
      say(webhook.disabled ? 'Enabled' : 'Disabled');
      reload();
    });
  const entries = [
    { key: 'deliveries', name: 'Deliveries' },
    { key: 'settings', name: 'Settings' },
    { key: 'signing', name: 'Signing' },
    { key: 'test', name: 'Test' },
    { key: 'history', name: 'History' },
  ].map((entry) => ({ ...entry, href: to(entry.key) }));
  return html`<div class="head"><${Heading}><span class="other">${webhook.name}</span><//><${State} webhook=${webhook} hosts=${hosts} /><span class="grow"></span>
      ${mayWrite() && html`<button class="btn" type="button" disabled=${changing.busy} onClick=${toggle}>${webhook.disabled ? 'Enable' : 'Disable'}</button>
        <a class="btn" href=${to('edit')}>Edit</a>`}</div>
    <${Wrong} of=${changing.failure} />
    ${webhook.disabled && webhook.disabled_reason && html`<div class="note wait"><b>Disabled:</b> <span class="other">${webhook.disabled_reason}</span></div>`}
    ${webhook.last_error && html`<div class="note bad"><b>Newest delivery failed:</b> <span class="other">${webhook.last_error}</span></div>`}
    <${Tabs} label="Webhook" entries=${entries} here=${part} />
    ${part === 'settings' && html`<${WebhookSettings} webhook=${webhook} reload=${reload} />`}
    ${part === 'signing' && html`<${WebhookSigning} webhook=${webhook} />`}
    ${part === 'test' && html`<${WebhookTest} webhook=${webhook} />`}
    ${part === 'history' && html`<${History} of=${`/webhooks/${webhook.id}`} />`}
    ${part === 'deliveries' && html`<${WebhookDeliveries} webhook=${webhook} />`}
    ${part === 'settings' && mayWrite() && !isScoped() && html`<${Delete} webhook=${webhook} />`}`;
}

/** @param {{webhook: import('../webhook_state.js').WebhookRecord}} props */
function Delete({ webhook }) {
  const [asking, setAsking] = useState(false);
  const deleting = useAction();
  const act = () =>
    deleting.run(async () => {
      await send('DELETE', `/webhooks/${webhook.id}`);
      say('Deleted');
      go(['webhooks']);
    });
  return html`<h2>Delete</h2><p class="soft">Waiting messages are cancelled. Records of deliveries stay until they expire.</p>
    <${Wrong} of=${deleting.failure} />
    <button class="btn risk" type="button" onClick=${() => setAsking(true)}>Delete webhook</button>
    ${asking && html`<${Ask} title="Delete this webhook?" act="Delete" typed=${webhook.name} busy=${deleting.busy} onYes=${act} onNo=${() => setAsking(false)} />`}`;
}
