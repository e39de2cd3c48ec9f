// The first view does not wait for what an account has much of.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Console } from '../browser.mjs';

const LIMIT = { timeout: 900_000 };
// The shortest times count. A busy machine hides them, so rounds go on until both have been found: until neither has become shorter
// for some rounds, and their ratio is within the bound.
const STEADY = 5;
const MOST_ROUNDS = 60;
const BOUND = 1.5;

export function speed(world) {
  test('the first view with 10,000 webhooks and 100,000 deliveries takes at most 1.5 times that of an empty account', LIMIT, async (context) => {
    const { service } = world;
    service.command('account', 'create', 'empty', '--name', 'Empty', '--admin-mail', 'ada@example.com');
    execFileSync('python3', [join(dirname(fileURLToPath(import.meta.url)), '../many.py'), join(service.data, 'hookline.db')]);
    const full = await Console.open(world);
    const empty = await Console.open(world, { token: service.token('administrator', 'empty') });
    for (const screen of ['', 'webhooks']) {
      const best = { full: Infinity, empty: Infinity };
      const within = () => best.full <= BOUND * best.empty;
      for (let round = 0, steady = 0; round < MOST_ROUNDS && (steady < STEADY || !within()); round++) {
        steady++;
        for (const [name, console_] of [['empty', empty], ['full', full]]) {
          await console_.go(screen);
          const start = performance.now();
          await console_.reload();
          const time = performance.now() - start;
          if (time < 0.98 * best[name]) steady = 0;
          best[name] = Math.min(best[name], time);
        }
      }
      const found = `${screen || 'overview'}: ${Math.round(best.full)} ms against ${Math.round(best.empty)} ms`;
      context.diagnostic(found);
      assert.ok(within(), found);
    }
    await full.go('webhooks');
    assert.ok(Number((await full.page.locator('.head .soft').innerText()).replaceAll(',', '')) > 10_000);
    await full.close();
    await empty.close();
  });
}
