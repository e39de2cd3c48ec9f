// Console links: they sign in once, and with a webhook they show that webhook and nothing else.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Console } from '../browser.mjs';

const LIMIT = { timeout: 900_000 };

/** A page that a link has signed in. The link's host is the public one; the page is at the service's own. */
async function opened(world, link) {
  const console_ = await Console.open(world, { signedIn: false });
  const { url } = await world.service.call('POST', '/console_links', link);
  const code = new URL(url).hash;
  assert.match(code, /^#code=/);
  await console_.page.goto('about:blank');
  await console_.page.goto(console_.url + code);
  await console_.page.locator('.sign-in').waitFor({ state: 'detached' });
  await console_.ready();
  assert.ok(!console_.page.url().includes('code='));
  return { console_, code };
}

export function links(world) {
  test('a link signs in once', LIMIT, async () => {
    const { console_, code } = await opened(world, { role: 'auditor' });
    await console_.page.getByRole('heading', { name: 'Overview' }).waitFor();
    await console_.close();
    const other = await Console.open(world, { signedIn: false });
    await other.page.goto('about:blank');
    await other.page.goto(other.url + code);
    await other.page.getByText('This link has been used or has expired.').waitFor();
    await other.close();
  });

  test('a link for one webhook shows that webhook, and all else does not exist', LIMIT, async () => {
    const { service, endpoints } = world;
    const [own, foreign] = await Promise.all(['Own', 'Foreign'].map((name) => service.call('POST', '/webhooks', { event: 'knowledge_article.create', uri: `${endpoints.url}/${name}`, name })));
    const policy = await service.call('POST', '/webhook_policies', { jwt_alg: 'hs256' });
    const { console_ } = await opened(world, { role: 'administrator', webhook_id: own.id });
    const { page } = console_;
    for (const screen of ['', 'webhooks']) {
      await console_.go(screen);
      await page.getByRole('heading', { name: 'Own' }).waitFor();
    }
    for (const part of ['deliveries', 'settings', 'signing', 'history', 'edit']) {
      await console_.go(`webhooks/${own.id}/${part}`);
      assert.equal(await page.locator('.state.bad').count(), 0, part);
      assert.ok((await page.locator('main').innerText()).includes('Own'), part);
    }
    await console_.go(`webhooks/${own.id}/test`);
    await console_.button('Send a test').click();
    await page.getByText('The endpoint answered 200.').waitFor();
    const [delivery] = await service.call('GET', `/webhooks/${own.id}/deliveries`);
    await console_.go(`deliveries/${delivery.id}`);
    await page.getByText('The endpoint answered 200').first().waitFor();
    await service.call('POST', `/webhooks/${foreign.id}/test?report=true`);
    const [other] = await service.call('GET', `/webhooks/${foreign.id}/deliveries`);
    for (const screen of [`deliveries/${other.id}`, `webhooks/${foreign.id}/deliveries`, `webhooks/${foreign.id}/edit`, 'webhooks/new', 'events', 'events/publish', 'recover', `recover?webhook=${own.id}`, 'hosts', 'policies', 'event-types']) {
      await console_.go(screen);
      await page.getByText('This does not exist, or not in this account.').first().waitFor();
      assert.ok(!(await page.locator('body').innerText()).includes('Foreign'), screen);
    }
    await service.call('DELETE', `/webhook_policies/${policy.id}`);
    await console_.close();
  });
}
