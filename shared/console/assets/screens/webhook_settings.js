import { html } from '../html.js';
import { send } from '../api.js';
import { link } from '../route.js';
import { mayWrite } from '../session.js';
import { useAction } from '../load.js';
import { Wrong, copy, say } from '../parts.js';
import { Time } from '../time.js';

/** @param {{webhook: import('../webhook_state.js').WebhookRecord, reload: () => void}} props */
export function WebhookSettings({ webhook, reload }) {
  const verifying = useAction();
  const verify = () =>
    verifying.run(async () => {
      await send('POST', `/webhooks/${webhook.id}/verify`);
      say('The verify message is on its way');
      reload();
    });
  const headers = Object.entries(webhook.headers ?? {});
  return html`<${Wrong} of=${verifying.failure} />
    <dl class="facts">
      <dt>Event</dt><dd class="mono">${(webhook.events ?? [webhook.event]).map((event) => html`<div>${event}</div>`)}</dd>
      <dt>Filter</dt><dd>${webhook.filter ? html`<pre tabindex="0" aria-label="Filter">${JSON.stringify(webhook.filter, null, 2)}</pre>` : 'none: every such event'}</dd>
      <dt>URI</dt><dd><span class="mono other">${webhook.uri}</span> <button class="btn plain" type="button" onClick=${() => copy(webhook.uri ?? '')}>Copy</button></dd>
      <dt>Verified</dt><dd>${webhook.verified ? 'yes' : 'not yet: the endpoint must call the URL in the verify message'}
        ${!webhook.verified && mayWrite() && html` <button class="btn" type="button" disabled=${verifying.busy} onClick=${verify}>Verify again</button>`}</dd>
      <dt>Description</dt><dd class="other">${webhook.description ?? '–'}</dd>
      <dt>Mail about failures to</dt><dd class="other">${webhook.mail_exceptions_to ?? 'the administrators of the account'}</dd>
      <dt>Own headers</dt><dd>${headers.length ? headers.map(([name, value]) => html`<div class="mono">${name}: ${value}</div>`) : '–'}</dd>
      <dt>Policy</dt><dd>${webhook.webhook_policy ? html`<a class="text mono" href=${link(['policies'])}>#${webhook.webhook_policy.id} ${webhook.webhook_policy.name?.slice(0, 12)}…</a>${webhook.openid_connect_discovery ? ' with discovery' : ''}` : 'none: messages are signed with the secret alone'}</dd>
      <dt>Attachments</dt><dd>${webhook.attachments?.length ? webhook.attachments.map((file) => html`<div><a class="text other" href=${safeLink(file.uri)} rel="noreferrer">${file.name}</a></div>`) : '–'}</dd>
      <dt>Source</dt><dd class="other">${webhook.source ?? '–'}${webhook.sourceID ? ` · ${webhook.sourceID}` : ''}</dd>
      <dt>Ids</dt><dd>${webhook.id} · <span class="mono">${webhook.nodeID}</span></dd>
      <dt>Created</dt><dd><${Time} at=${webhook.created_at} /></dd>
      <dt>Changed</dt><dd><${Time} at=${webhook.updated_at} /></dd>
    </dl>`;
}

/** A link is followed only if it leads to the web. @param {string|undefined} uri */
const safeLink = (uri) => (/^https?:\/\//i.test(uri ?? '') ? uri : undefined);
