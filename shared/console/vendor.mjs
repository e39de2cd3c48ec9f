// Copies the libraries of the console from `node_modules` into a folder: node vendor.mjs NODE_MODULES FOLDER
// Browsers resolve no package names, and the page's policy allows no inline import map: imports of packages become
// imports of the files beside them. The rest of each file stays as it came.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const LIBRARIES = [
  { package: 'preact', module: 'preact', file: 'dist/preact.mjs', to: 'preact.js' },
  { package: 'preact', module: 'preact/hooks', file: 'hooks/dist/hooks.mjs', to: 'hooks.js' },
  { package: 'htm', module: 'htm', file: 'dist/htm.mjs', to: 'htm.js' },
  { package: '@preact/signals-core', module: '@preact/signals-core', file: 'dist/signals-core.mjs', to: 'signals-core.js' },
  { package: '@preact/signals', module: '@preact/signals', file: 'dist/signals.mjs', to: 'signals.js' },
];

const [modules, folder] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
for (const { package: name, file, to } of LIBRARIES) {
  const source = readFileSync(join(modules, name, file), 'utf8')
    .replace(/(\bfrom\s*)"([^"]+)"/g, (whole, from, imported) => {
      const library = LIBRARIES.find(({ module }) => module === imported);
      if (!library) throw new Error(`${name} imports ${imported}, which is not copied`);
      return `${from}"./${library.to}"`;
    })
    .replace(/\n?\/\/# sourceMappingURL=\S*\n?$/, '\n');
  writeFileSync(join(folder, to), source);
}

const names = [...new Set(LIBRARIES.map((library) => library.package))];
const licences = names.map((name) => {
  const { version } = JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8'));
  return `${name} ${version}\n\n${readFileSync(join(modules, name, 'LICENSE'), 'utf8').trim()}\n`;
});
writeFileSync(join(folder, 'LICENSES.txt'), licences.join('\n' + '-'.repeat(72) + '\n\n'));
