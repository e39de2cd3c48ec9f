// Tokens: where they are kept, what each role sees, and how a session ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Console } from '../browser.mjs';

const LIMIT = { timeout: 900_000 };

export function sessions(world) {
  test('a bad token is refused, and a good one stays in the tab only', LIMIT, async () => {
    const console_ = await Console.open(world, { signedIn: false });
    const { page, context } = console_;
    await page.getByLabel('Token').fill('hl_wrong');
    await console_.button('Sign in').click();
    await page.getByText('This token is unknown, expired or revoked.').waitFor();
    await console_.signIn(console_.token);
    assert.deepEqual(await context.cookies(), []);
    assert.ok(!(await page.evaluate(() => JSON.stringify(localStorage))).includes(console_.token));
    await console_.reload();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    const other = await context.newPage();
    await other.goto(console_.url);
    await other.getByLabel('Token').waitFor();
    await console_.button('Sign out').click();
    await page.getByLabel('Token').waitFor();
    assert.ok(!(await page.evaluate(() => JSON.stringify(sessionStorage))).includes(console_.token));
    await console_.close();
  });

  test('the code of a console link leaves the address and the history', LIMIT, async () => {
    const token = world.service.token();
    const console_ = await Console.open(world, { signedIn: false, token });
    const { page } = console_;
    let body;
    await page.route('**/v1/console_links/redeem', (route) => {
      body = route.request().postDataJSON();
      return route.fulfill({ json: { access_token: token, token_type: 'Bearer', expires_in: 3600, role: 'administrator', webhook_id: null } });
    });
    await page.goto('about:blank');
    await page.goto(`${console_.url}#code=planted-code`);
    await console_.ready();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    assert.deepEqual(body, { code: 'planted-code' });
    assert.ok(!page.url().includes('planted-code'));
    await page.goBack();
    assert.ok(!page.url().includes('planted-code'));
    await page.unroute('**/v1/console_links/redeem');
    await page.goto(`${console_.url}#code=used-code`);
    await page.reload();
    await page.getByText('This link has been used or has expired.').or(page.getByRole('heading', { name: 'Overview' })).first().waitFor();
    assert.ok(!page.url().includes('used-code'));
    await console_.close();
  });

  test('a token revoked in mid-work leads to the sign-in page, and what was typed is kept', LIMIT, async () => {
    const { service, endpoints } = world;
    const { token, id } = service.issue('administrator');
    const console_ = await Console.open(world, { token, at: 'webhooks/new' });
    const { page } = console_;
    await page.getByLabel('Event', { exact: true }).fill('service.create');
    await page.getByLabel('URI', { exact: true }).fill(`${endpoints.url}/kept`);
    await page.getByLabel('Name', { exact: true }).fill('Typed before the end');
    service.command('token', 'revoke', id);
    await console_.button('Save').click();
    await page.getByText('Your token has expired or was revoked.').waitFor();
    assert.equal(await page.getByLabel('Name', { exact: true }).isVisible(), false);
    const next = service.token();
    world.seen.tokens.push(next);
    await console_.signIn(next);
    assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'Typed before the end');
    await console_.button('Save').click();
    await page.getByRole('heading', { name: 'Typed before the end' }).waitFor();
    await console_.close();
  });

  test('a token that may no longer write leads to the sign-in page too', LIMIT, async () => {
    const console_ = await Console.open(world, { at: 'event-types' });
    const { page } = console_;
    await page.getByLabel('New type').fill('order.paid');
    const auditor = world.service.token('auditor');
    await page.route('**/v1/event_types', (route) => (route.request().method() === 'POST' ? route.continue({ headers: { ...route.request().headers(), authorization: `Bearer ${auditor}` } }) : route.continue()));
    await console_.button('Create').click();
    await page.getByText('Your token may no longer do this.').waitFor();
    await page.unroute('**/v1/event_types');
    await console_.signIn(console_.token);
    assert.equal(await page.getByLabel('New type').inputValue(), 'order.paid');
    await console_.close();
  });

  test('an auditor reads, and finds no button that would be refused', LIMIT, async () => {
    const { service, endpoints } = world;
    const webhook = await service.call('POST', '/webhooks', { event: 'release.create', uri: `${endpoints.url}/audited`, name: 'Audited' });
    await service.call('POST', '/event_types', { name: 'audited.type' });
    await service.call('POST', '/webhook_policies', { jwt_alg: 'hs256' });
    const { id } = await service.call('POST', '/events', { event: 'release.create', object_id: 1 });
    const console_ = await Console.open(world, { role: 'auditor' });
    const { page } = console_;
    const refused = [];
    page.on('response', (response) => response.status() === 403 && refused.push(response.url()));
    for (const screen of ['', 'webhooks', ...['deliveries', 'settings', 'signing', 'test', 'history', 'edit'].map((part) => `webhooks/${webhook.id}/${part}`), 'webhooks/new', `events?id=${id}`, 'events/publish', 'recover', 'hosts', 'policies', 'policies?new=1', 'event-types', 'event-types/audited.type']) {
      await console_.go(screen);
      const buttons = await page.locator('main button:visible').allInnerTexts();
      assert.deepEqual(buttons.filter((name) => !/^(Search|Show|Copy|History|Newest|Older)/.test(name)), [], screen);
    }
    assert.deepEqual(refused, []);
    await service.call('DELETE', '/event_types/audited.type');
    const [policy] = await service.call('GET', '/webhook_policies');
    await service.call('DELETE', `/webhook_policies/${policy.id}`);
    await console_.close();
  });

  test('a publisher publishes and explains, and sees nothing else', LIMIT, async () => {
    const console_ = await Console.open(world, { role: 'publisher' });
    const { page } = console_;
    assert.deepEqual(await page.getByRole('navigation', { name: 'Screens' }).getByRole('link').allInnerTexts(), ['Events']);
    await console_.go('events/publish');
    await page.getByLabel('Event', { exact: true }).fill('out_of_office_period.delete');
    await console_.button('Publish').click();
    await page.locator('.note.ok a').click();
    await page.getByText('out_of_office_period.delete').waitFor();
    await console_.go('events/explain?event=risk.create&ask=1');
    await page.getByText(/of \d+ webhooks match/).waitFor();
    assert.ok(!(await page.locator('main').innerText()).includes('Risks'));
    await console_.close();
  });

  test('a service that does not answer is an error with a way out', LIMIT, async () => {
    const console_ = await Console.open(world);
    const { page } = console_;
    await page.route('**/v1/webhooks?*', (route) => route.fulfill({ status: 500, json: { message: 'Internal Server Error' }, headers: { 'X-Request-Id': 'request-id-of-the-failure' } }));
    await page.goto(`${console_.url}#/webhooks`);
    await page.getByText('500 Internal Server Error').waitFor();
    await page.getByText('request-id-of-the-failure').waitFor();
    await page.unroute('**/v1/webhooks?*');
    await console_.button('Try again').click();
    await page.locator('tbody tr').first().waitFor();
    await page.route('**/v1/endpoint_hosts**', (route) => route.abort());
    await page.goto(`${console_.url}#/hosts`);
    await page.getByText('The service did not answer.').waitFor();
    await console_.close();
  });
}
