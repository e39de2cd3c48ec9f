import { html } from '../html.js';
import { useState } from '../vendor/hooks.js';
import { Failure } from '../api.js';
import { asked, session, signIn, signOut } from '../session.js';
import { useAction } from '../load.js';
import { Heading, Wrong } from '../parts.js';

export function SignIn() {
  const [token, setToken] = useState('');
  const signing = useAction();
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void signing.run(() => signIn(token.trim()));
  };
  const refused = signing.failure instanceof Failure && signing.failure.status === 401;
  return html`<main class="sign-in"><div>
    <div class="head"><${Heading} title="Sign in">Sign in to Hookline<//></div>
    ${asked.value && html`<div class="note wait" role="alert">${asked.value}</div>`}
    <form class="form" onSubmit=${submit}>
      ${refused ? html`<div class="note bad" role="alert">This token is unknown, expired or revoked.</div>` : html`<${Wrong} of=${signing.failure} />`}
      <div class="field"><label for="token">Token</label>
        <input id="token" type="password" autocomplete="off" spellcheck=${false} required value=${token} aria-describedby="token-hint" aria-invalid=${refused ? 'true' : undefined}
          onInput=${(/** @type {any} */ event) => setToken(event.target.value)} />
        <div class="hint" id="token-hint">It begins with <code>hl_</code> and stays in this tab until you close it.</div></div>
      <div class="row"><button class="btn main" disabled=${signing.busy}>Sign in</button>
        ${session.value && html`<button class="btn" type="button" onClick=${signOut}>Sign out and discard</button>`}</div>
    </form>
    <h2>No token yet?</h2>
    <p class="soft">An administrator makes one, or a link that signs you in:</p>
    <pre tabindex="0" aria-label="Commands">hookline token create --account main --person NAME --role auditor
hookline console</pre>
  </div></main>`;
}
