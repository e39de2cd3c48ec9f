// Makes the pictures of docs/images: node screenshots.mjs BINARY FOLDER
// FOLDER is what install.sh made. The service runs on a temporary folder, with endpoints on loopback.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Console, launch } from './browser.mjs';
import { Endpoints } from './endpoints.mjs';
import { Service, until } from './service.mjs';

const [binary, folder] = process.argv.slice(2).map((path) => resolve(path));
const images = join(dirname(fileURLToPath(import.meta.url)), '../../docs/images');
const data = mkdtempSync(join(tmpdir(), 'hookline-pictures-'));
mkdirSync(images, { recursive: true });

const [shop, crm, feed] = await Promise.all([Endpoints.start(), Endpoints.start(), Endpoints.start()]);
const service = await Service.start(binary, data);
const browser = await launch(folder);
try {
  crm.answer('/in', { status: 500, body: 'maintenance until noon' });
  feed.answer('/v2/feed', { status: 503 });
  await service.call('POST', '/event_types', { name: 'order.paid' });
  const orders = await service.call('POST', '/webhooks', { name: 'Shop orders', event: 'order.paid', uri: `${shop.url}/hooks/orders`, headers: { 'X-Api-Key': 'x' } });
  const sync = await service.call('POST', '/webhooks', { name: 'CRM sync', event: 'request.*', uri: `${crm.url}/in` });
  await service.call('POST', '/webhooks', { name: 'Partner feed', event: 'task.*', uri: `${feed.url}/v2/feed` });
  const policy = await service.call('POST', '/webhook_policies', { jwt_alg: 'es256' });
  await service.call('POST', '/webhooks', { name: 'Billing', event: 'contract.update', uri: `${shop.url}/billing`, webhook_policy_id: policy.id });
  await service.call('POST', '/webhooks', { name: 'Audit archive', event: 'risk.*', uri: `${shop.url}/archive`, disabled: true });
  await service.call('POST', '/events', Array.from({ length: 60 }, (_, number) => ({ event: 'order.paid', object_id: 300 + number, person_name: 'Ada Ivanova', payload: { total: 129.5 + number, currency: 'EUR' } })));
  await service.call('POST', '/events', Array.from({ length: 4 }, (_, number) => ({ event: 'request.create', object_id: 40 + number, payload: { subject: 'New laptop' } })));
  await service.call('POST', '/events', Array.from({ length: 14 }, (_, object_id) => ({ event: 'task.update', object_id })));
  await service.call('POST', '/events', { event: 'contract.update', object_id: 12, payload: {} });
  await until(async () => (await service.call('GET', '/endpoint_hosts')).some(({ throttled_at }) => throttled_at));
  const [failed] = await until(async () => {
    const list = await service.call('GET', `/webhooks/${sync.id}/deliveries`);
    return list.length && list;
  });
  // Counts are written every ten seconds.
  await until(async () => (await service.call('GET', `/webhooks/${orders.id}/counts`)).length);

  const pictures = [
    ['overview', '', 'light'], ['webhooks', 'webhooks', 'light'], ['webhook', `webhooks/${orders.id}/deliveries`, 'dark'],
    ['delivery', `deliveries/${failed.id}`, 'light'], ['test', `webhooks/${orders.id}/test?run=1`, 'dark'], ['new-webhook', 'webhooks/new', 'light'],
  ];
  const world = { browser, service, seen: { urls: [], tokens: [], problems: [] } };
  for (const [name, screen, colorScheme] of pictures) {
    const console_ = await Console.open(world, { at: screen, colorScheme, viewport: { width: 1280, height: 760 } });
    if (name === 'new-webhook') {
      await console_.page.getByLabel('Event', { exact: true }).fill('request.*');
      await console_.page.getByLabel('URI', { exact: true }).fill('https://hooks.example.com/in?source=hookline');
    }
    if (name === 'test') await console_.page.getByText('The endpoint answered 200.').waitFor();
    if (name === 'webhooks') await console_.page.locator('.spark').first().waitFor();
    await console_.page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement)?.blur());
    await console_.page.mouse.move(0, 0);
    await console_.page.screenshot({ path: join(images, `console-${name}.png`) });
    await console_.close();
  }
} finally {
  await browser.close();
  await service.stop();
  for (const endpoints of [shop, crm, feed]) endpoints.stop();
  rmSync(data, { recursive: true, force: true });
}
