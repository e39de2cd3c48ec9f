// Unpacks the browser of the package `@sparticuz/chromium`, with its libraries and a font: node unpack.mjs FOLDER

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

const folder = process.argv[2];
const packed = (name) => brotliDecompressSync(readFileSync(join(folder, 'node_modules/@sparticuz/chromium/bin', name)));
const browser = join(folder, 'browser');
mkdirSync(browser, { recursive: true });
writeFileSync(join(browser, 'chromium'), packed('chromium.br'));
chmodSync(join(browser, 'chromium'), 0o755);
for (const [archive, to] of [['al2023.tar.br', 'libraries'], ['swiftshader.tar.br', ''], ['fonts.tar.br', 'data']]) {
  mkdirSync(join(browser, to), { recursive: true });
  execFileSync('tar', ['-x', '-C', join(browser, to)], { input: packed(archive) });
}
