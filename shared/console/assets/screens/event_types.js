import { html } from '../html.js';
import { useState } from '../vendor/hooks.js';
import { absolute, get, send } from '../api.js';
import { link } from '../route.js';
import { mayWrite } from '../session.js';
import { useAction, useLoad } from '../load.js';
import { Ask, Empty, Field, Heading, Shown, Wrong, described, say } from '../parts.js';
import { Time } from '../time.js';
import { MODES } from './event_type.js';

export function EventTypes() {
  const loaded = useLoad(() => get('/event_types?per_page=100'), []);
  const [name, setName] = useState('');
  const [deleting, setDeleting] = useState(/** @type {any} */ (null));
  const creating = useAction();
  const removing = useAction();
  const create = (/** @type {Event} */ event) => {
    event.preventDefault();
    void creating.run(async () => {
      await send('POST', '/event_types', { name: name.trim() });
      setName('');
      say('Created');
      loaded.reload();
    });
  };
  const remove = () =>
    removing
      .run(async () => {
        await send('DELETE', `/event_types/${encodeURIComponent(deleting.id)}`);
        say('Deleted');
        loaded.reload();
      })
      .then(() => setDeleting(null));
  return html`<div class="head"><${Heading}>Event types<//></div>
    <p>Your account’s own events, beside the 77 that every account has. Webhooks subscribe to them by name or pattern.</p>
    ${mayWrite() && html`<form class="form" onSubmit=${create}><${Wrong} of=${creating.failure} fields=${['name']} />
      <${Field} id="name" label="New type" failure=${creating.failure} hint="Small letters, digits and _, then a dot and the kind: order.paid"><input class="mono" required maxlength="128" autocomplete="off" spellcheck=${false} ...${described('name', creating.failure)} value=${name} onInput=${(/** @type {any} */ event) => setName(event.target.value)} /><//>
      <div class="row"><button class="btn main" disabled=${creating.busy}>Create</button></div></form><br />`}
    <${Wrong} of=${removing.failure} />
    <${Shown} of=${loaded}>${(/** @type {any[]} */ types) =>
      types.length === 0
        ? html`<${Empty} title="No own event types yet." curl=${`curl ${absolute('/event_types')} -H "Authorization: Bearer $HOOKLINE_TOKEN" --json '{"name":"order.paid"}'`}>Create one to publish events that are not among the 77.<//>`
        : html`<div class="table"><table><thead><tr><th scope="col">Name</th><th scope="col">Description</th><th scope="col" class="opt">Payloads that do not fit</th><th scope="col" class="num opt">Created</th><th scope="col"><span class="unseen">Actions</span></th></tr></thead><tbody>
            ${types.map((type) => html`<tr key=${type.id}><td class="mono"><a href=${link(['event-types', type.name])}>${type.name}</a></td><td class="other">${type.description}</td><td class="soft opt">${MODES[/** @type {keyof typeof MODES} */ (type.schema_mode)]}</td><td class="num soft opt"><${Time} at=${type.created_at} /></td>
              <td class="num">${mayWrite() && html`<button class="btn risk" type="button" aria-label=${`Delete ${type.name}`} onClick=${() => setDeleting(type)}>Delete</button>`}</td></tr>`)}
          </tbody></table></div>`}<//>
    ${deleting && html`<${Ask} title=${`Delete ${deleting.name}?`} act="Delete" busy=${removing.busy} onYes=${remove} onNo=${() => setDeleting(null)}>Webhooks that wait for it stay, and get nothing.<//>`}`;
}
