// What more than one screen shows.

import { html } from './html.js';
import { signal } from './vendor/signals.js';
import { useEffect, useRef, useState } from './vendor/hooks.js';
import { route } from './route.js';

/** @typedef {import('./api.js').Failure} Failure */

/** A sentence for people and screen readers alike, for a few seconds. */
export const said = signal('');
let silence = 0;

/** @param {string} text */
export function say(text) {
  said.value = text;
  clearTimeout(silence);
  silence = setTimeout(() => (said.value = ''), 4000);
}

/** @param {string} text @param {string} [what] */
export async function copy(text, what = 'Copied') {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without TLS browsers offer no clipboard.
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  say(what);
}

/** The heading takes the focus when the screen opens, so that screen readers begin there. @param {{children?: any, title?: string}} props */
export function Heading({ children, title }) {
  const heading = useRef(/** @type {HTMLElement|null} */ (null));
  useEffect(() => {
    document.title = `${title ?? heading.current?.textContent ?? ''} · Hookline`;
  });
  useEffect(() => {
    if (opened++) heading.current?.focus({ preventScroll: true });
  }, []);
  return html`<h1 ref=${heading} tabindex="-1">${children}</h1>`;
}
let opened = 0;

/** @param {{kind?: string, children?: any}} props */
export const Tag = ({ kind = '', children }) => html`<span class=${`tag ${kind}`}>${children}</span>`;

const PICTURES = {
  empty: 'M4 12l4-8h24l4 8v20H4zM4 12h10l3 5h6l3-5h10',
  error: 'M20 4l17 30H3zM20 15v9M20 28v2',
};

/** @param {{of: keyof typeof PICTURES}} props */
const Picture = ({ of }) => html`<svg width="40" height="40" viewBox="0 0 40 40" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" aria-hidden="true"><path d=${PICTURES[of]} /></svg>`;

/** @param {{label?: string}} props */
export const Waiting = ({ label = 'Loading' }) => html`<div class="waiting" role="status"><span class="unseen">${label}</span><i /><i /><i /></div>`;

/** @param {{title: string, children?: any, curl?: string}} props */
export function Empty({ title, children, curl }) {
  return html`<div class="state">
    <${Picture} of="empty" /><h2 class="flush">${title}</h2>${children && html`<div class="soft">${children}</div>`}
    ${curl && html`<pre tabindex="0" aria-label="The same by command line">${curl}</pre>`}
  </div>`;
}

/** @param {{of: Failure, again?: () => void}} props */
export function Failed({ of, again }) {
  return html`<div class="state bad" role="alert">
    <${Picture} of="error" />
    <p><b>${headline(of)}</b></p>
    ${of.errors.map(([, sentence]) => html`<p class="other">${sentence}</p>`)}
    ${of.requestId && html`<p class="soft">X-Request-Id <code>${of.requestId}</code></p>`}
    ${again && html`<button class="btn" type="button" onClick=${again}>Try again</button>`}
  </div>`;
}

/** @param {Failure} failure */
function headline({ status, message }) {
  if (status === 404) return 'This does not exist, or not in this account.';
  if (status === 412) return 'Someone else changed this meanwhile. Load it again.';
  return status ? `${status} ${message}` : message;
}

/** A failure of a form, or of a button, in one line. @param {{of: Failure|null, fields?: string[]}} props */
export function Wrong({ of, fields = [] }) {
  if (!of) return null;
  const others = of.errors.filter(([name]) => !fields.includes(name));
  const told = of.status === 422 && of.errors.length > others.length ? 'Please correct the marked fields.' : headline(of);
  return html`<div class="note bad" role="alert">
    <b>${others.length && of.status === 422 ? '' : told}</b>
    ${others.map(([, sentence]) => html`<div class="other">${sentence}</div>`)}
    ${of.requestId && html`<div class="soft">X-Request-Id <code>${of.requestId}</code></div>`}
  </div>`;
}

/**
 * One of three pictures, or the data.
 * @param {{of: import('./load.js').Loaded<any>, title?: string, children?: any}} props `children` is a function of the data;
 * `title` is the heading until there is data
 */
export function Shown({ of, title, children }) {
  if (of.data !== undefined) return html`<div aria-busy=${of.loading}>${children(of.data)}</div>`;
  const heading = title && html`<div class="head"><${Heading}>${title}<//></div>`;
  return html`${heading}${of.failure ? html`<${Failed} of=${of.failure} again=${of.reload} />` : html`<${Waiting} />`}`;
}

/** @param {{label: string, entries: {href: string, name: string, key: string}[], here: string}} props */
export function Tabs({ label, entries, here }) {
  return html`<nav class="tabs" aria-label=${label}>
    ${entries.map(({ href, name, key }) => html`<a href=${href} aria-current=${key === here ? 'page' : undefined}>${name}</a>`)}
  </nav>`;
}

/**
 * A question before something that cannot be undone.
 * @param {{title: string, act: string, typed?: string, busy?: boolean, onYes: () => void, onNo: () => void, children?: any}} props
 * `typed` is what the person must type first
 */
export function Ask({ title, act, typed, busy, onYes, onNo, children }) {
  const box = useRef(/** @type {HTMLDialogElement|null} */ (null));
  const [text, setText] = useState('');
  useEffect(() => box.current?.showModal(), []);
  const yes = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!typed || text === typed) onYes();
  };
  return html`<dialog ref=${box} onClose=${onNo} aria-labelledby="ask-title"><form class="form" onSubmit=${yes}>
    <h2 id="ask-title" class="flush">${title}</h2><div class="other">${children}</div>
    ${typed && html`<div class="field"><label for="ask-typed">Type <b class="other">${typed}</b></label>
      <input id="ask-typed" autocomplete="off" value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} /></div>`}
    <div class="row"><button class="btn risk" disabled=${busy || (typed && text !== typed)}>${act}</button>
      <button class="btn" type="button" onClick=${() => box.current?.close()}>Cancel</button></div>
  </form></dialog>`;
}

/** @param {{id: string, label: string, hint?: any, failure?: Failure|null, name?: string|string[], children?: any}} props */
export function Field({ id, label, hint, failure, name = id, children }) {
  const sentences = failure?.of(...[name].flat()) ?? [];
  return html`<div class="field"><label for=${id}>${label}</label>${children}
    ${hint && html`<div class="hint" id=${`${id}-hint`}>${hint}</div>`}
    ${sentences.length > 0 && html`<div class="wrong" id=${`${id}-wrong`}>${sentences.map((sentence) => html`<div class="other">${sentence}</div>`)}</div>`}
  </div>`;
}

/** The attributes that tie an input to its hint and its sentences. @param {string} id @param {Failure|null|undefined} failure @param {string|string[]} [name] */
export function described(id, failure, name = id) {
  const wrong = (failure?.of(...[name].flat()).length ?? 0) > 0;
  return { id, 'aria-invalid': wrong ? 'true' : undefined, 'aria-describedby': [`${id}-hint`, wrong && `${id}-wrong`].filter(Boolean).join(' ') };
}

/** A screen is made anew when the path changes, not when its query does. */
export const screenKey = () => route.value.path.join('/');
