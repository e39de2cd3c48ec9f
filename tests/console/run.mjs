// Tests the console in a browser against the debug binary: node run.mjs BINARY FOLDER
// FOLDER is what install.sh made. Each part registers its tests; they run one after the other, in one browser.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';
import { launch } from './browser.mjs';
import { Endpoints } from './endpoints.mjs';
import { Service } from './service.mjs';
import { actions } from './parts/actions.mjs';
import { every_screen } from './parts/every_screen.mjs';
import { files } from './parts/files.mjs';
import { hostile_text } from './parts/hostile_text.mjs';
import { outage } from './parts/outage.mjs';
import { sessions } from './parts/sessions.mjs';
import { speed } from './parts/speed.mjs';

const [binary, folder] = process.argv.slice(2).map((path) => resolve(path));
const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const data = mkdtempSync(join(tmpdir(), 'hookline-console-'));
/** Everything that pages asked for, the tokens that they had, and what went wrong in them. */
const seen = { urls: [], tokens: [], problems: [] };
const world = { root, folder, seen };

files(world);

before(async () => {
  world.endpoints = await Endpoints.start();
  world.service = await Service.start(binary, data);
  world.browser = await launch(folder);
});

actions(world);
outage(world);
sessions(world);
hostile_text(world);
every_screen(world);
speed(world);

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
  rmSync(data, { recursive: true, force: true });
});
