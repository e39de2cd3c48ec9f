import { html } from '../html.js';
import { useState } from '../vendor/hooks.js';
import { call, send } from '../api.js';
import { pretty, textAt } from '../json.js';
import { link } from '../route.js';
import { mayWrite } from '../session.js';
import { useAction, useLoad } from '../load.js';
import { Field, Heading, Shown, Wrong, described, say } from '../parts.js';
import { Time } from '../time.js';

const FIELDS = ['description', 'schema', 'example', 'schema_mode'];

/** What becomes of a payload that does not fit the schema. */
export const MODES = { off: 'not checked', warn: 'warned about', enforce: 'refused' };

/** @typedef {{description: string, schema: string, example: string, schema_mode: string}} Draft */

/** @param {{name: string}} props */
export function EventType({ name }) {
  const path = `/event_types/${encodeURIComponent(name)}`;
  const loaded = useLoad(() => call(path), [path]);
  return html`<div class="crumbs"><a href=${link(['event-types'])}>Event types</a> / <span class="mono other">${name}</span></div>
    <${Shown} of=${loaded} title=${name}>${(/** @type {{data: any, text: string}} */ { data, text }) => html`
      <div class="head"><${Heading}><span class="mono other">${data.name}</span><//></div>
      <p class="soft">Created <${Time} at=${data.created_at} />, changed <${Time} at=${data.updated_at} />. <a href=${link(['webhooks'], { event: data.name })}>Its webhooks</a></p>
      <${Description} key=${text} path=${path} initial=${draftOf(data, text)} saved=${loaded.reload} />`}<//>`;
}

/** @param {any} data @param {string} text @returns {Draft} */
function draftOf(data, text) {
  const document = (/** @type {string} */ name) => (data[name] ? pretty(textAt(text, [name]) ?? '') : '');
  return { description: data.description ?? '', schema: document('schema'), example: document('example'), schema_mode: data.schema_mode };
}

/** The fields that differ, as JSON text, so that numbers stay as typed. What is not JSON goes as text. @param {Draft} draft @param {Draft} before */
function changes(draft, before) {
  const changed = FIELDS.filter((name) => draft[/** @type {keyof Draft} */ (name)] !== before[/** @type {keyof Draft} */ (name)]);
  const parts = changed.map((name) => {
    const typed = draft[/** @type {keyof Draft} */ (name)];
    const isDocument = name === 'schema' || name === 'example';
    return `${JSON.stringify(name)}:${isDocument && isJson(typed) ? typed : JSON.stringify(typed)}`;
  });
  return `{${parts.join(',')}}`;
}

/** @param {string} typed */
function isJson(typed) {
  try {
    return JSON.parse(typed) !== undefined;
  } catch {
    return false;
  }
}

/** @param {{path: string, initial: Draft, saved: () => void}} props */
function Description({ path, initial, saved }) {
  const [draft, setDraft] = useState(initial);
  const saving = useAction();
  const { failure } = saving;
  const bind = (/** @type {keyof Draft} */ name) => ({
    ...described(name, failure),
    value: draft[name],
    readOnly: !mayWrite(),
    onInput: (/** @type {any} */ event) => setDraft((before) => ({ ...before, [name]: event.target.value })),
  });
  const save = (/** @type {Event} */ event) => {
    event.preventDefault();
    void saving.run(async () => {
      await send('PATCH', path, changes(draft, initial));
      say('Saved');
      saved();
    });
  };
  return html`<form class="form" onSubmit=${save} novalidate>
    <${Wrong} of=${failure} fields=${FIELDS} />
    <${Field} id="description" label="Description" failure=${failure}><textarea maxlength="1000" ...${bind('description')} /><//>
    <${Field} id="schema" label="Schema" failure=${failure} hint="JSON Schema, draft 2020-12, of the payload. Receivers generate their code from it."><textarea class="mono" rows="12" spellcheck=${false} placeholder='{"type": "object", "required": ["total"]}' ...${bind('schema')} /><//>
    <${Field} id="example" label="Example" failure=${failure} hint="A payload that fits the schema. Tests of webhooks send it."><textarea class="mono" rows="6" spellcheck=${false} placeholder='{"total": 19.99}' ...${bind('example')} /><//>
    <${Field} id="schema_mode" label="Payloads that do not fit are" failure=${failure}><select ...${bind('schema_mode')} disabled=${!mayWrite()}>${Object.entries(MODES).map(([mode, name]) => html`<option value=${mode}>${name}</option>`)}</select><//>
    ${mayWrite() && html`<div class="row"><button class="btn main" disabled=${saving.busy}>Save</button><a class="btn plain" href=${link(['event-types'])}>Back</a></div>`}
  </form>`;
}
