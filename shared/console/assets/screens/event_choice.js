import { html } from '../html.js';
import { useEffect, useState } from '../vendor/hooks.js';
import { get } from '../api.js';
import { EVENTS, matched, nounOf } from '../events.js';
import { Field, described } from '../parts.js';

/** How many names of a pattern are shown. */
const SHOWN = 12;

/** The names of the account's own event types. */
export function useOwnTypes() {
  const [own, setOwn] = useState(/** @type {string[]} */ ([]));
  useEffect(() => {
    get('/event_types?per_page=100').then((types) => setOwn(types.map((/** @type {any} */ { name }) => name)), () => {});
  }, []);
  return own;
}

/** @param {{value: string, onChange: (event: string) => void, failure: import('../api.js').Failure|null}} props */
export function EventChoice({ value, onChange, failure }) {
  const own = useOwnTypes();
  const [search, setSearch] = useState('');
  const [open, setOpen] = useState(!value);
  const wanted = search.trim().toLowerCase();
  const nouns = [...new Set([...EVENTS, ...own].map(nounOf))];
  const groups = nouns
    .map((noun) => ({ noun, events: [...EVENTS, ...own].filter((event) => nounOf(event) === noun) }))
    .map(({ noun, events }) => ({ noun, events: events.length > 1 ? [`${noun}.*`, ...events] : events }))
    .map(({ noun, events }) => ({ noun, events: events.filter((event) => event.includes(wanted.replace(/\.\*$|\*$/, ''))) }))
    .filter(({ events }) => events.length);
  const choice = (/** @type {string} */ event) => html`<label><input type="radio" name="event-choice" checked=${event === value} onChange=${() => onChange(event)} /><span class="mono">${event}</span>${own.includes(event) && html`<span class="soft">own type</span>`}</label>`;
  const type = (/** @type {any} */ event) => {
    onChange(event.target.value);
    setSearch(event.target.value);
    setOpen(true);
  };
  return html`<div><${Field} id="event" label="Event" failure=${failure} hint=${html`<${Matches} pattern=${value} own=${own} />`}>
      <input ...${described('event', failure)} type="text" class="mono" spellcheck=${false} autocomplete="off" placeholder="Type to search: request, note-added, *" value=${value} onInput=${type} /><//>
    <details open=${open} onToggle=${(/** @type {any} */ event) => setOpen(event.currentTarget.open)}><summary>Choose from the list</summary>
      <fieldset class="choices" tabindex="-1"><legend class="unseen">Events</legend>
        ${!wanted && choice('*')}
        ${groups.map(({ noun, events }) => html`<div key=${noun}><h2>${noun}</h2>${events.map(choice)}</div>`)}
        ${groups.length === 0 && html`<p class="soft">No event has this in its name.</p>`}
      </fieldset></details></div>`;
}

/** @param {{pattern: string, own: string[]}} props */
function Matches({ pattern, own }) {
  if (!pattern) return 'A name, noun.* for all of a noun, or * for everything.';
  const events = matched(pattern, own);
  if (!events.length) return 'No known event has this name.';
  if (!pattern.includes('*')) return 'Every event of this name.';
  return `Matches ${events.length} events: ${events.slice(0, SHOWN).join(', ')}${events.length > SHOWN ? ', …' : ''}`;
}
