// The frame around the screens: who is signed in, where one is, and the sign-in page.

import { render } from './vendor/preact.js';
import { useEffect, useRef } from './vendor/hooks.js';
import { html } from './html.js';
import { link, parse, route } from './route.js';
import { asked, isScoped, mayRead, resume, session, signOut } from './session.js';
import { said, screenKey } from './parts.js';
import { theme, switchTheme } from './theme.js';
import { SignIn } from './screens/sign_in.js';
import { screenOf } from './screens.js';

const PLACES = [
  { path: [], name: 'Overview' },
  { path: ['webhooks'], name: 'Webhooks' },
  { path: ['events'], name: 'Events' },
  { path: ['recover'], name: 'Recover' },
  { path: ['hosts'], name: 'Hosts' },
  { path: ['policies'], name: 'Policies' },
  { path: ['event-types'], name: 'Event types' },
];

/** The places that the signed-in person has something to see at. */
function places() {
  if (!mayRead()) return PLACES.filter(({ name }) => name === 'Events');
  return isScoped() ? PLACES.filter(({ name }) => name === 'Webhooks') : PLACES;
}

function Side() {
  const here = route.value.path[0] === 'deliveries' ? 'webhooks' : route.value.path[0];
  return html`<header class="side">
    <span class="logo"><svg width="20" height="20" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" fill="var(--accent)" /><path d="M10 7v18M22 7v8a6 6 0 0 1-12 0" fill="none" stroke="var(--on-accent)" stroke-width="3" stroke-linecap="round" /></svg>hookline</span>
    <nav aria-label="Screens">${places().map(({ path, name }) => html`<a href=${link(path)} aria-current=${path[0] === here ? 'page' : undefined}>${name}</a>`)}</nav>
    <div class="who">
      <span class="soft">Signed in as ${session.value?.role}</span>
      <div class="row"><button class="btn" type="button" aria-label=${`${theme.value === 'dark' ? 'Light' : 'Dark'} colours`} onClick=${switchTheme}>${theme.value === 'dark' ? 'Light' : 'Dark'}</button>
        <button class="btn" type="button" onClick=${signOut}>Sign out</button></div>
    </div>
  </header>`;
}

function App() {
  const main = useRef(/** @type {HTMLElement|null} */ (null));
  useEffect(() => {
    const toMain = (/** @type {MouseEvent} */ event) => {
      event.preventDefault();
      main.current?.querySelector('h1')?.focus();
    };
    const skip = document.querySelector('.skip');
    skip?.addEventListener('click', /** @type {EventListener} */ (toMain));
    return () => skip?.removeEventListener('click', /** @type {EventListener} */ (toMain));
  });
  if (!session.value) return html`<${SignIn} />`;
  // Behind the sign-in page the screen stays as it is, with what was typed.
  const covered = asked.value !== null;
  return html`${covered && html`<${SignIn} />`}
    <div class="app" hidden=${covered} inert=${covered}>
      <a class="skip" href="#main">Skip to the content</a>
      <${Side} />
      <main id="main" ref=${main} key=${screenKey()}>${screenOf(route.value)}</main>
    </div>
    <div class="toast" role="status">${said.value}</div>`;
}

const failure = await resume().then(() => null, (thrown) => thrown);
route.value = parse(location.hash);
render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById('app')));
if (failure) asked.value = 'This link has been used or has expired. Ask for a new one, or paste a token.';
