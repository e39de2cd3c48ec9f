// What an outage leaves behind: messages to recover, and a throttled host.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Console } from '../browser.mjs';
import { Endpoints } from '../endpoints.mjs';
import { until } from '../service.mjs';

const LIMIT = { timeout: 900_000 };

/** `messages` is how many the outage stops. */
export const outage = (messages = 500) => (world) => {
  test(`recovers an outage of ${messages} messages, with progress over a reload`, LIMIT, async () => {
    const { service, endpoints } = world;
    endpoints.answer('/outage', { status: 500, headers: { 'webhook-delivery': 'abort-message' } });
    const { id } = await service.call('POST', '/webhooks', { event: 'product.update', uri: `${endpoints.url}/outage`, name: 'Outage' });
    await service.publish(Array.from({ length: messages }, (_, object_id) => ({ event: 'product.update', object_id })));
    const arrived = (from) => new Set(endpoints.at('/outage').slice(from).map(({ headers }) => headers['webhook-id'])).size;
    // A message that has arrived is not recorded yet.
    const lost = async () => (await service.call('POST', `/webhooks/${id}/redeliver`, { dry_run: true })).matched;
    await until(() => arrived(0) === messages);
    await until(async () => (await lost()) === messages);
    endpoints.answer('/outage', { status: 200 });
    const before = endpoints.at('/outage').length;

    const console_ = await Console.open(world, { at: `recover?webhook=${id}` });
    const { page } = console_;
    await page.getByLabel('cancelled').uncheck();
    await console_.button('Count').click();
    await page.getByText(`${messages} messages wait for a recovery.`).waitFor();
    await page.getByRole('button', { name: `Recover ${messages}` }).click();
    await page.locator('progress').waitFor();
    assert.match(page.url(), /job=[0-9a-f-]{36}/);
    await console_.reload();
    await page.getByText(`Done: ${messages} of ${messages} messages`).waitFor();
    await until(() => arrived(before) === messages);
    await until(async () => (await lost()) === 0);
    await console_.go(`recover?webhook=${id}`);
    await console_.button('Count').click();
    await page.getByText('Nothing is left to recover.').waitFor();
    await console_.close();
  });

  test('a throttled host is shown, and lifted', LIMIT, async () => {
    const { service } = world;
    const down = await Endpoints.start();
    down.answer('/down', { status: 503 });
    const { id } = await service.call('POST', '/webhooks', { event: 'flsa.create', uri: `${down.url}/down`, name: 'Down' });
    await service.publish(Array.from({ length: 15 }, (_, object_id) => ({ event: 'flsa.create', object_id })));
    await until(async () => (await service.call('GET', '/endpoint_hosts')).some(({ throttled_at }) => throttled_at));
    const console_ = await Console.open(world, { at: 'webhooks' });
    const { page } = console_;
    await page.getByText('waiting · host throttled').waitFor();
    await console_.go('');
    await page.getByRole('button', { name: `Try now: ${down.url}` }).waitFor();
    await page.getByRole('row', { name: /503 Service Unavailable/ }).first().waitFor();
    await console_.go('hosts');
    down.answer('/down', { status: 200 });
    await page.getByRole('button', { name: `Lift the throttle of ${down.url}` }).click();
    await until(async () => (await service.call('GET', `/webhooks/${id}/deliveries?outcome=succeeded`)).length > 0);
    await until(async () => !(await service.call('GET', '/endpoint_hosts')).some(({ throttled_at }) => throttled_at));
    await console_.close();
    down.stop();
  });
};
