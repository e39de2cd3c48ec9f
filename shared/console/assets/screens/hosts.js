import { html } from '../html.js';
import { absolute, get, send } from '../api.js';
import { mayWrite } from '../session.js';
import { useAction, useEvery, useLoad } from '../load.js';
import { Empty, Heading, Shown, Tag, Wrong, say } from '../parts.js';
import { Time, count } from '../time.js';

export function Hosts() {
  const loaded = useLoad(() => get('/endpoint_hosts?per_page=100'), []);
  const lifting = useAction();
  useEvery(loaded.reload, 15, []);
  const lift = (/** @type {string} */ id) =>
    lifting.run(async () => {
      await send('DELETE', `/endpoint_hosts/${id}/throttle`);
      say('The throttle is lifted');
      loaded.reload();
    });
  return html`<div class="head"><${Heading}>Hosts<//></div>
    <p>After ten failures in a row a host gets one probe at a time instead of every message. Its messages wait, and lose no attempt.</p>
    <${Wrong} of=${lifting.failure} />
    <${Shown} of=${loaded}>${(/** @type {any[]} */ hosts) =>
      hosts.length === 0
        ? html`<${Empty} title="No host is throttled." curl=${`curl ${absolute('/endpoint_hosts')} -H "Authorization: Bearer $HOOKLINE_TOKEN"`}>Hosts appear here while they are held back. Nothing to do.<//>`
        : html`<div class="table"><table><thead><tr><th scope="col">Host</th><th scope="col">State</th><th scope="col" class="num opt">Failures</th><th scope="col" class="num">Waiting</th><th scope="col" class="num opt">Next probe</th>${mayWrite() && html`<th scope="col"><span class="unseen">Action</span></th>`}</tr></thead><tbody>
            ${hosts.map((host) => html`<tr key=${host.id}><td class="mono other">${host.host}</td>
              <td>${host.throttled_at ? html`<${Tag} kind="wait">throttled<//> <span class="soft"><${Time} at=${host.throttled_at} /></span>` : host.held_until ? html`<${Tag} kind="wait">held by Retry-After<//>` : html`<${Tag} kind="ok">open<//>`}</td>
              <td class="num opt">${count(host.failures)}</td><td class="num">${count(host.waiting)}</td><td class="num soft opt">${host.next_probe_at ?? host.held_until ? html`<${Time} at=${host.next_probe_at ?? host.held_until} />` : '–'}</td>
              ${mayWrite() && html`<td class="num">${(host.throttled_at || host.held_until) && html`<button class="btn" type="button" disabled=${lifting.busy} aria-label=${`Lift the throttle of ${host.host}`} onClick=${() => lift(host.id)}>Lift</button>`}</td>`}</tr>`)}
          </tbody></table></div>`}<//>`;
}
