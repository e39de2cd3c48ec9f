import { html } from '../html.js';
import { useEffect, useState } from '../vendor/hooks.js';
import { send } from '../api.js';
import { isScoped } from '../session.js';
import { useAction } from '../load.js';
import { Tag, Wrong } from '../parts.js';

/** How many events are shown. */
const SHOWN = 10;

/** Tries a filter on the newest events of the account. @param {{filter: any}} props `filter` is null or a text while it is none */
export function FilterPreview({ filter }) {
  const trying = useAction();
  const [events, setEvents] = useState(/** @type {any[]|null} */ (null));
  const written = JSON.stringify(filter);
  useEffect(() => setEvents(null), [written]);
  if (isScoped() || filter === null || typeof filter !== 'object') return null;
  const run = () => trying.run(async () => setEvents(await send('POST', '/webhooks/filter_preview', { filter })));
  return html`<div class="field"><div class="row"><button class="btn" type="button" disabled=${trying.busy} onClick=${run}>Try the filter on recent events</button></div>
    <${Wrong} of=${trying.failure} />
    ${events && html`<div class="note" role="status"><b>${events.length ? `${events.filter(({ matches }) => matches).length} of ${events.length} recent events match.` : 'No recent events are known.'}</b>
      ${events.slice(0, SHOWN).map(({ id, event, object_id, matches, mismatch }) => html`<div key=${id}><${Tag} kind=${matches ? 'ok' : ''}>${matches ? 'yes' : 'no'}<//> <span class="mono">${event}</span> <span class="soft">object ${object_id}</span>
        ${mismatch && html`<div class="mono clip">${mismatch.field}: expected ${mismatch.expected}, found ${mismatch.found ?? 'nothing'}</div>`}</div>`)}</div>`}</div>`;
}
