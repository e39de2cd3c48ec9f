// Tests the console in a browser against the built functions behind the local gateway: node functions.mjs TOOLS BUILT FOLDER
// TOOLS is what tests/stack/install.sh made, BUILT what infra/package.py made, FOLDER what install.sh made. These are the parts
// in which the functions differ from the binary; what happens in the page alone is tested against the binary.

import { resolve } from 'node:path';
import { StackService } from './stack_service.mjs';
import { suite } from './suite.mjs';
import { actions } from './parts/actions.mjs';
import { links } from './parts/links.mjs';
import { outage } from './parts/outage.mjs';
import { serving } from './parts/serving.mjs';

// Local AWS takes long for a message.
const MESSAGES = 100;

const [tools, built, folder] = process.argv.slice(2).map((path) => resolve(path));
suite(folder, () => StackService.start(tools, built), [serving, actions, outage(MESSAGES), links]);
