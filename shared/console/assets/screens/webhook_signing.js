import { html } from '../html.js';
import { useState } from '../vendor/hooks.js';
import { get, send } from '../api.js';
import { mayWrite } from '../session.js';
import { useAction } from '../load.js';
import { Ask, Wrong, copy, say } from '../parts.js';

/** @param {{webhook: import('../webhook_state.js').WebhookRecord}} props */
export function WebhookSigning({ webhook }) {
  const [secret, setSecret] = useState(/** @type {string|null} */ (null));
  const [asking, setAsking] = useState(false);
  const acting = useAction();
  const show = () => acting.run(async () => setSecret((await get(`/webhooks/${webhook.id}/secret`)).secret));
  const rotate = () =>
    acting.run(async () => {
      setSecret((await send('POST', `/webhooks/${webhook.id}/secret/rotate`)).secret);
      setAsking(false);
      say('The secret is rotated');
    });
  return html`<${Wrong} of=${acting.failure} />
    <p>Every message carries <code>Webhook-Id</code>, <code>Webhook-Timestamp</code> and <code>Webhook-Signature</code>. The signature is an HMAC over
      <code>id.timestamp.body</code> with the secret of this webhook, as the Standard Webhooks specification says.</p>
    ${secret
      ? html`<div class="note ok"><h2 class="flush">Secret</h2><p class="mono" id="secret">${secret}</p>
          <div class="row"><button class="btn" type="button" onClick=${() => copy(secret)}>Copy</button><button class="btn" type="button" onClick=${() => setSecret(null)}>Hide</button></div></div>`
      : !mayWrite() && html`<p class="soft">Only administrators may see the secret.</p>`}
    ${mayWrite() && html`<div class="row">${!secret && html`<button class="btn" type="button" disabled=${acting.busy} onClick=${show}>Show secret</button>`}
      <button class="btn risk" type="button" disabled=${acting.busy} onClick=${() => setAsking(true)}>Rotate secret</button></div>
      <p class="hint">Showing and rotating are written to the history.</p>`}
    ${asking && html`<${Ask} title="Rotate the secret?" act="Rotate" busy=${acting.busy} onYes=${rotate} onNo=${() => setAsking(false)}>For 24 hours both secrets sign. Give the new one to the receiver within that time.<//>`}
    <h2>JWT</h2>
    <p>${webhook.webhook_policy ? 'The body is a JWT, signed with the key of the policy that the settings show.' : 'No policy: the body is plain JSON. A policy, chosen in the settings, makes it a JWT.'}</p>`;
}
