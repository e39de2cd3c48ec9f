// Tests the console in a browser against the debug binary: node run.mjs BINARY FOLDER
// FOLDER is what install.sh made.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after } from 'node:test';
import { Service } from './service.mjs';
import { suite } from './suite.mjs';
import { actions } from './parts/actions.mjs';
import { every_screen } from './parts/every_screen.mjs';
import { files } from './parts/files.mjs';
import { hostile_text } from './parts/hostile_text.mjs';
import { links } from './parts/links.mjs';
import { outage } from './parts/outage.mjs';
import { serving } from './parts/serving.mjs';
import { sessions } from './parts/sessions.mjs';
import { speed } from './parts/speed.mjs';

const [binary, folder] = process.argv.slice(2).map((path) => resolve(path));
const data = mkdtempSync(join(tmpdir(), 'hookline-console-'));
suite(folder, () => Service.start(binary, data), [files, serving, actions, outage(), sessions, links, hostile_text, every_screen, speed]);
after(() => rmSync(data, { recursive: true, force: true }));
