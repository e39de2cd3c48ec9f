// What holds on every screen: axe finds nothing in light and dark, 360 px are enough, and a reload shows the same.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Console } from '../browser.mjs';

const LIMIT = { timeout: 900_000 };

/** Screens with something on each, and some with nothing. */
async function screens({ service, endpoints }) {
  const list = await service.call('GET', '/webhooks?per_page=100');
  const id = list.find(({ name }) => name === 'Signed').id;
  const policy = await service.call('POST', '/webhook_policies', { jwt_alg: 'es256' });
  const jwt = await service.call('POST', '/webhooks', { event: 'time_entry.create', uri: `${endpoints.url}/jwt`, name: 'With a policy', webhook_policy_id: policy.id });
  await service.call('POST', `/webhooks/${jwt.id}/test?report=true`);
  await service.call('POST', '/event_types', { name: 'order.paid' });
  const [newest, first] = await service.call('GET', `/webhooks/${id}/deliveries`);
  const [signed] = await service.call('GET', `/webhooks/${jwt.id}/deliveries`);
  const { event_id } = await service.call('GET', `/webhook_deliveries/${first.id}`);
  return [
    '', 'webhooks', 'webhooks?state=disabled', 'webhooks?q=nothing-has-this-name', 'webhooks/new',
    ...['deliveries', 'settings', 'edit', 'signing', 'test', 'history'].map((part) => `webhooks/${id}/${part}`),
    `webhooks/${id}/deliveries?outcome=cancelled`, `webhooks/${jwt.id}/settings`, 'webhooks/999999',
    `deliveries/${newest.id}`, `deliveries/${first.id}`, `deliveries/${signed.id}`,
    'events', `events?id=${event_id}`, 'events?id=nothing', 'events/explain?event=ci.create&ask=1', 'events/publish',
    'recover', `recover?webhook=${id}`, 'hosts', 'policies', `policies?new=1&history=${policy.id}`, 'event-types', 'event-types/order.paid', 'event-types/none', 'nowhere',
  ];
}

export function every_screen(world) {
  const axe = readFileSync(join(world.folder, 'node_modules/axe-core/axe.min.js'), 'utf8');
  const violations = async (page) => {
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
    return found.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary?.split('\n')[1] ?? ''}`));
  };

  test('axe finds nothing on any screen, in light and dark', LIMIT, async () => {
    const console_ = await Console.open(world, { signedIn: false });
    const { page } = console_;
    const found = [];
    const check = async (screen) => {
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        found.push(...(await violations(page)).map((violation) => `${screen} ${colorScheme}: ${violation}`));
      }
    };
    await console_.ready();
    await check('sign in');
    await console_.signIn(console_.token);
    world.screens ??= await screens(world);
    for (const screen of world.screens) {
      await console_.go(screen);
      await page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
      await check(screen);
      const open = page.getByRole('button', { name: /^(Redeliver|Delete webhook|Rotate secret)$/ }).first();
      if (await open.count()) {
        await open.click();
        await check(`${screen}, with its question`);
        await page.keyboard.press('Escape');
      }
    }
    assert.deepEqual(found, []);
    await console_.close();
  });

  test('360 px are enough, and a reload shows the same', LIMIT, async () => {
    world.screens ??= await screens(world);
    const console_ = await Console.open(world, { viewport: { width: 360, height: 740 } });
    for (const screen of world.screens) {
      await console_.go(screen);
      assert.equal(await console_.isTooWide(), false, screen);
      await reloadsTheSame(console_, screen);
    }
    await console_.close();
  });

  test('the switch changes between light and dark, and stays', LIMIT, async () => {
    const console_ = await Console.open(world);
    const { page } = console_;
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await background();
    await console_.button('Dark colours').click();
    assert.notEqual(await background(), light);
    const dark = await background();
    await console_.reload();
    assert.equal(await background(), dark);
    await console_.close();
  });
}

/** Retries of earlier tests may change what a screen shows between two looks at it, but not each time. */
async function reloadsTheSame(console_, screen, tries = 4) {
  await console_.page.waitForLoadState('networkidle');
  const before = await console_.text();
  await console_.reload();
  await console_.page.waitForLoadState('networkidle');
  const after = await console_.text();
  if (before !== after && tries > 1) return reloadsTheSame(console_, screen, tries - 1);
  assert.equal(after, before, screen);
}
