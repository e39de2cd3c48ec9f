import { html } from '../html.js';
import { useEffect, useState } from '../vendor/hooks.js';
import { call } from '../api.js';
import { change, route } from '../route.js';
import { mayWrite } from '../session.js';
import { useAction } from '../load.js';
import { Empty, Waiting, Wrong, copy } from '../parts.js';
import { Time } from '../time.js';
import { Timings, Headers } from './delivery_parts.js';
import { pretty, textAt } from '../json.js';

/** @param {{webhook: import('../webhook_state.js').WebhookRecord}} props */
export function WebhookTest({ webhook }) {
  const [report, setReport] = useState(/** @type {{data: any, text: string}|null} */ (null));
  const testing = useAction();
  const run = () => {
    setReport(null);
    return testing.run(async () => setReport(await call(`/webhooks/${webhook.id}/test?report=true`, { method: 'POST' })));
  };
  // *Save and test* leads here.
  useEffect(() => {
    if (!route.value.query.run || !mayWrite()) return;
    change({ run: '' });
    void run();
  }, []);
  if (!mayWrite()) return html`<${Empty} title="Only administrators may test a webhook." />`;
  return html`<p>Sends one message of the webhook’s own event to its URI, now. A failing test is not retried and counts nowhere.</p>
    <div class="row"><button class="btn main" type="button" disabled=${testing.busy} onClick=${run}>${report ? 'Test again' : 'Send a test'}</button>
      ${report && html`<button class="btn" type="button" onClick=${() => copy(pretty(report.text), 'Report copied')}>Copy report</button>`}</div><br />
    <${Wrong} of=${testing.failure} />
    ${testing.busy && html`<${Waiting} label="Testing" />`}
    <div aria-live="polite">${report && html`<${Report} report=${report.data} text=${report.text} />`}</div>`;
}

/** @param {{report: import('openapi').components['schemas']['TestReport'], text: string}} props */
function Report({ report, text }) {
  const good = report.error === null;
  const clock = report.clock_difference;
  return html`<div class=${`note ${good ? 'ok' : 'bad'}`}><b>${good ? `The endpoint answered ${report.status}.` : `The test failed: ${report.error}`}</b></div>
    <div class="split"><div>
      <h2>Connection</h2>
      <dl class="facts"><dt>Answer</dt><dd>${report.status ?? 'none'}</dd>
        <dt>Addresses</dt><dd class="mono">${report.addresses.length ? report.addresses.join(', ') : 'none'}</dd>
        <dt>Connected to</dt><dd class="mono">${report.address ?? '–'}</dd>
        <dt>TLS</dt><dd>${report.tls ? html`${report.tls.version ?? 'no version'}, certificate until ${report.tls.certificate_expires_at ? html`<${Time} at=${report.tls.certificate_expires_at} />` : 'unknown'}` : 'none'}</dd>
        <dt>Its clock</dt><dd>${clock === null ? 'unknown: its answer has no Date' : clock === 0 ? 'right to the second' : `${Math.abs(clock)} s ${clock > 0 ? 'ahead' : 'behind'}${Math.abs(clock) > 60 ? ': JWTs and signatures will be refused' : ''}`}</dd></dl>
      <h2>Where the time went</h2><${Timings} of=${report.timings} />
    </div><div>
      <h2>Request</h2>${report.request ? html`<${Headers} of=${report.request.headers} first=${`POST ${report.request.uri}`} body=${pretty(textAt(text, ['request', 'payload']) ?? '')} />` : html`<p class="soft">None was sent.</p>`}
    </div></div>`;
}
