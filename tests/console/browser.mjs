// One browser for all tests. Pages report what they ask for and what goes wrong in them.

import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Launches the browser of the folder that `install.sh` made. No name resolves in it, so nothing leaves the machine. */
export function launch(folder) {
  const { chromium } = createRequire(join(folder, 'package.json'))('playwright-core');
  const browser = join(folder, 'browser');
  return chromium.launch({
    executablePath: join(browser, 'chromium'),
    args: ['--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
    env: { ...process.env, LD_LIBRARY_PATH: join(browser, 'libraries', 'lib'), XDG_DATA_HOME: join(browser, 'data') },
  });
}

/** A page of the console in a browser profile of its own. */
export class Console {
  static async open({ browser, service, seen }, { role = 'administrator', token: given, at = '', signedIn = true, ...options } = {}) {
    const token = given ?? await service.token(role);
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, permissions: ['clipboard-read', 'clipboard-write'], ...options });
    const console_ = new Console();
    const page = await context.newPage();
    page.setDefaultTimeout(120_000);
    page.on('request', (request) => seen.urls.push(request.url()));
    page.on('pageerror', (error) => seen.problems.push(`${page.url()}: ${error.stack ?? error.message}`));
    page.on('console', (message) => /Content Security Policy|Refused to/.test(message.text()) && seen.problems.push(`${page.url()}: ${message.text()}`));
    seen.tokens.push(token);
    Object.assign(console_, { context, page, token, url: `${service.url}/console` });
    await page.goto(console_.url + '#/' + at);
    if (signedIn) await console_.signIn(token);
    return console_;
  }

  async signIn(token) {
    await this.page.getByLabel('Token').fill(token);
    await this.page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await this.page.locator('.sign-in').waitFor({ state: 'detached' });
    await this.ready();
  }

  /** Opens a screen by its address, and waits until it has loaded. */
  async go(path) {
    await this.page.goto(this.url + '#/' + path);
    await this.reload();
  }

  async reload() {
    await this.page.reload();
    await this.ready();
  }

  ready() {
    const loaded = () => document.querySelector('.side, .sign-in') && document.querySelector('h1') && !document.querySelector('.waiting, [aria-busy="true"]');
    return this.page.waitForFunction(loaded).catch((failure) => {
      throw new Error(`${this.page.url()} does not load`, { cause: failure });
    });
  }

  /** What a person reads on the screen, without the moving parts of times, and without request ids. */
  text() {
    return this.page.evaluate(() => {
      for (const time of document.querySelectorAll('time')) time.textContent = time.title;
      for (const id of document.querySelectorAll('.state.bad code')) id.textContent = '';
      return document.querySelector('main').innerText;
    });
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: true });
  }

  /** Whether the page can be scrolled sideways, or cuts a table off. */
  isTooWide() {
    return this.page.evaluate(() => [document.documentElement, ...document.querySelectorAll('.table')].some(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth));
  }

  close() {
    return this.context.close();
  }
}
