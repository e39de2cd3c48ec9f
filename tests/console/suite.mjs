// One run of parts in one browser against one service. Each part registers its tests; they run one after the other.

import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';
import { launch } from './browser.mjs';
import { Endpoints } from './endpoints.mjs';

/** `folder` is what install.sh made, `start` starts the service. */
export function suite(folder, start, parts) {
  const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
  /** Everything that pages asked for, the tokens that they had, and what went wrong in them. */
  const seen = { urls: [], tokens: [], problems: [] };
  const world = { root, folder, seen };

  before(async () => {
    world.endpoints = await Endpoints.start();
    world.service = await start();
    world.browser = await launch(folder);
  });

  for (const part of parts) part(world);

  test('pages ask no other origin, and no token is in a URL or a log', () => {
    assert.ok(seen.urls.length > 100 && seen.tokens.length > 5);
    for (const url of seen.urls) assert.ok(url.startsWith(world.service.url), url);
    const written = seen.urls.join('\n') + world.service.log;
    for (const token of seen.tokens) assert.ok(!written.includes(token), 'a token');
  });

  test('nothing went wrong in any page', () => assert.deepEqual(seen.problems, []));

  after(async () => {
    await world.browser?.close();
    await world.service?.stop();
    world.endpoints?.stop();
  });
}
