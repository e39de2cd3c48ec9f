import { html } from '../html.js';

/** @param {{value: [string, string][], onChange: (headers: [string, string][]) => void, failure: import('../api.js').Failure|null}} props */
export function HeadersInput({ value, onChange, failure }) {
  const sentences = failure?.of('headers') ?? [];
  const wrong = sentences.length > 0;
  const set = (/** @type {number} */ row, /** @type {0|1} */ column) => (/** @type {any} */ event) =>
    onChange(value.map((pair, at) => (at === row ? /** @type {[string, string]} */ (pair.map((cell, place) => (place === column ? event.target.value : cell))) : pair)));
  const remove = (/** @type {number} */ row) => onChange(value.filter((_, at) => at !== row));
  return html`<fieldset class="field"><legend>Own headers</legend>
    ${value.map(([name, text], row) => html`<div class="pair">
      <input aria-label=${`Name of header ${row + 1}`} placeholder="X-Api-Key" class="mono" spellcheck=${false} autocomplete="off" value=${name} onInput=${set(row, 0)} aria-invalid=${wrong ? 'true' : undefined} />
      <input aria-label=${`Value of header ${row + 1}`} class="mono" spellcheck=${false} autocomplete="off" value=${text} onInput=${set(row, 1)} aria-invalid=${wrong ? 'true' : undefined} />
      <button class="btn" type="button" aria-label=${`Remove header ${name || row + 1}`} onClick=${() => remove(row)}>Remove</button></div>`)}
    ${value.length < 20 && html`<button class="btn" type="button" onClick=${() => onChange([...value, ['', '']])}>Add header</button>`}
    <div class="hint">Values are stored sealed and shown as ***. Leave *** to keep a value.</div>
    ${sentences.map((sentence) => html`<div class="wrong other">${sentence}</div>`)}
  </fieldset>`;
}
