// The first view does not wait for what an account has much of.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Console } from '../browser.mjs';

const LIMIT = { timeout: 900_000 };
const ROUNDS = 5;

export function speed(world) {
  test('the first view with 10,000 webhooks and 100,000 deliveries takes at most 1.5 times that of an empty account', LIMIT, async () => {
    const { service } = world;
    service.command('account', 'create', 'empty', '--name', 'Empty', '--admin-mail', 'ada@example.com');
    execFileSync('python3', [join(dirname(fileURLToPath(import.meta.url)), '../many.py'), join(service.data, 'hookline.db')]);
    const full = await Console.open(world);
    const empty = await Console.open(world, { token: service.token('administrator', 'empty') });
    for (const screen of ['', 'webhooks']) {
      const times = { full: [], empty: [] };
      for (let round = 0; round < ROUNDS; round++) {
        for (const [name, console_] of [['empty', empty], ['full', full]]) {
          await console_.go(screen);
          const start = performance.now();
          await console_.reload();
          times[name].push(performance.now() - start);
        }
      }
      const [most, least] = [Math.min(...times.full), Math.min(...times.empty)];
      assert.ok(most <= 1.5 * least, `${screen || 'overview'}: ${Math.round(most)} ms against ${Math.round(least)} ms`);
    }
    await full.go('webhooks');
    assert.ok(Number((await full.page.locator('.head .soft').innerText()).replaceAll(',', '')) > 10_000);
    await full.close();
    await empty.close();
  });
}
