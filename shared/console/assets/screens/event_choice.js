import { html } from '../html.js';
import { useEffect, useState } from '../vendor/hooks.js';
import { get } from '../api.js';
import { EVENTS, matched, nounOf } from '../events.js';
import { Field, described } from '../parts.js';

/** The fields of the API whose sentences are shown here. */
const FIELDS = ['event', 'events'];

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

/** The names and patterns of a text, with spaces or commas between them. @param {string} typed */
export const namesOf = (typed) => typed.split(/[\s,]+/).filter(Boolean);

/** Names and patterns as text, which may be typed or chosen. @param {{value: string, onChange: (event: string) => void, failure: import('../api.js').Failure|null}} props */
export function EventChoice({ value, onChange, failure }) {
  const own = useOwnTypes();
  const [search, setSearch] = useState('');
  const [open, setOpen] = useState(false);
  const wanted = search.trim().toLowerCase();
  const nouns = [...new Set([...EVENTS, ...own].map(nounOf))];
  const groups = nouns
    .map((noun) => ({ noun, events: [...EVENTS, ...own].filter((event) => nounOf(event) === noun) }))
    .map(({ noun, events }) => ({ noun, events: events.length > 1 ? [`${noun}.*`, ...events] : events }))
    .map(({ noun, events }) => ({ noun, events: events.filter((event) => event.includes(wanted.replace(/\.\*$|\*$/, ''))) }))
    .filter(({ events }) => events.length);
  const chosen = namesOf(value);
  const toggle = (/** @type {string} */ event) => {
    // The word that was typed to find it goes, unless that is an event itself.
    const kept = chosen.filter((one) => one !== event && (one !== search || matched(one, own).length));
    onChange((chosen.includes(event) ? kept : [...kept, event]).join(' '));
  };
  const choice = (/** @type {string} */ event) => html`<label><input type="checkbox" checked=${chosen.includes(event)} onChange=${() => toggle(event)} /><span class="mono">${event}</span>${own.includes(event) && html`<span class="soft">own type</span>`}</label>`;
  const type = (/** @type {any} */ event) => {
    onChange(event.target.value);
    setSearch(/[^\s,]*$/.exec(event.target.value)?.[0] ?? '');
    setOpen(true);
  };
  return html`<div><${Field} id="event" label="Event" name=${FIELDS} failure=${failure} hint=${html`<${Matches} patterns=${chosen} own=${own} />`}>
      <input ...${described('event', failure, FIELDS)} type="text" class="mono" spellcheck=${false} autocomplete="off" placeholder="Type to search: request, note-added, *" value=${value} onInput=${type} /><//>
    <details open=${open} onToggle=${(/** @type {any} */ event) => setOpen(event.currentTarget.open)}><summary>Choose from the list</summary>
      <fieldset class="choices" tabindex="-1"><legend class="unseen">Events</legend>
        ${!wanted && choice('*')}
        ${groups.map(({ noun, events }) => html`<div key=${noun}><h2>${noun}</h2>${events.map(choice)}</div>`)}
        ${groups.length === 0 && html`<p class="soft">No event has this in its name.</p>`}
      </fieldset></details></div>`;
}

/** @param {{patterns: string[], own: string[]}} props */
function Matches({ patterns, own }) {
  if (!patterns.length) return 'A name, noun.* for all of a noun, or * for everything; up to 40, with spaces between them.';
  const unknown = patterns.find((pattern) => !matched(pattern, own).length);
  if (unknown) return patterns.length > 1 ? `No known event has the name ${unknown}.` : 'No known event has this name.';
  if (patterns.length === 1 && !patterns[0].includes('*')) return 'Every event of this name.';
  const events = [...new Set(patterns.flatMap((pattern) => matched(pattern, own)))];
  return `Matches ${events.length} events: ${events.slice(0, SHOWN).join(', ')}${events.length > SHOWN ? ', …' : ''}`;
}
