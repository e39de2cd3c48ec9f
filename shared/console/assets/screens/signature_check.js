import { html } from '../html.js';
import { useState } from '../vendor/hooks.js';
import { copy } from '../parts.js';
import { sign } from '../signature.js';

/** @param {{id: string, timestamp: string, body: string}} props what the record has of the request */
export function SignatureCheck({ id, timestamp, body }) {
  const [form, setForm] = useState({ secret: '', received: '', id, timestamp, body });
  const [result, setResult] = useState(/** @type {{kind: string, text: string, signature?: string}|null} */ (null));
  const bind = (/** @type {keyof typeof form} */ name) => ({ id: `check-${name}`, value: form[name], onInput: (/** @type {any} */ event) => setForm({ ...form, [name]: event.target.value }) });
  const check = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      const signature = await sign(form.secret, form.id.trim(), form.timestamp.trim(), form.body);
      const received = form.received.trim().split(/\s+/).filter(Boolean);
      if (!received.length) setResult({ kind: '', text: 'The request must carry this signature:', signature });
      else if (received.includes(signature)) setResult({ kind: 'ok', text: 'The signature is right: it was made with this secret over these bytes.', signature });
      else setResult({ kind: 'bad', text: 'The signature is not of this secret and these bytes. The right one:', signature });
    } catch (failure) {
      setResult({ kind: 'bad', text: /** @type {Error} */ (failure).message });
    }
  };
  return html`<details class="check-signature"><summary>Check a signature</summary><br />
    <form class="form" onSubmit=${check}>
      <p class="soft">Computed in this browser: the secret is sent nowhere. A retry has a timestamp of its own, so paste what the receiver saw.</p>
      <div class="field"><label for="check-secret">Secret</label><input type="password" autocomplete="off" required placeholder="whsec_…" ...${bind('secret')} /></div>
      <div class="field"><label for="check-received">Received Webhook-Signature</label><input class="mono" autocomplete="off" placeholder="v1,…" ...${bind('received')} /></div>
      <div class="field"><label for="check-id">Webhook-Id</label><input class="mono" autocomplete="off" ...${bind('id')} /></div>
      <div class="field"><label for="check-timestamp">Webhook-Timestamp</label><input class="mono" autocomplete="off" ...${bind('timestamp')} /></div>
      <div class="field"><label for="check-body">Body, to the byte</label><textarea spellcheck=${false} ...${bind('body')} /></div>
      <div class="row"><button class="btn">Check</button></div>
    </form>
    <div aria-live="polite">${result && html`<br /><div class=${`note ${result.kind}`}><b>${result.text}</b>${result.signature && html`<div class="row"><span class="mono">${result.signature}</span><button class="btn plain" type="button" onClick=${() => copy(result.signature ?? '')}>Copy</button></div>`}</div>`}</div>
  </details>`;
}
