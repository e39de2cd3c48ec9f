// What is in the repository is what is served: libraries as their registry has them, types that hold, and a small size.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { brotliCompressSync } from 'node:zlib';

const LIMIT = 150 * 1024;

const filesBelow = (folder) => readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));

export function files({ root, folder }) {
  const console_ = join(root, 'shared/console');
  const assets = join(console_, 'assets');
  const modules = join(folder, 'node_modules');

  test('the libraries are those of the registry', () => {
    const copied = join(folder, 'vendor');
    rmSync(copied, { recursive: true, force: true });
    execFileSync('node', [join(console_, 'vendor.mjs'), modules, copied]);
    const kept = join(assets, 'vendor');
    assert.deepEqual(readdirSync(kept).sort(), readdirSync(copied).sort());
    for (const file of readdirSync(copied)) assert.equal(readFileSync(join(kept, file), 'utf8'), readFileSync(join(copied, file), 'utf8'), file);
  });

  test('the types hold against the OpenAPI document', () => {
    const checked = join(folder, 'types');
    rmSync(checked, { recursive: true, force: true });
    mkdirSync(checked);
    cpSync(assets, join(checked, 'assets'), { recursive: true });
    const vendor = join(checked, 'assets/vendor');
    rmSync(vendor, { recursive: true });
    mkdirSync(vendor);
    const declared = { preact: "export * from 'preact'", hooks: "export * from 'preact/hooks'", htm: "export { default } from 'htm'", signals: "export * from '@preact/signals'" };
    for (const [name, line] of Object.entries(declared)) writeFileSync(join(vendor, `${name}.d.ts`), `${line};\n`);
    execFileSync(join(modules, '.bin/openapi-typescript'), [join(root, 'shared/http/openapi.json'), '-o', join(checked, 'openapi.d.ts')], { stdio: 'pipe' });
    writeFileSync(join(checked, 'tsconfig.json'), JSON.stringify({
      compilerOptions: {
        allowJs: true, checkJs: true, noEmit: true, strict: true, skipLibCheck: true, target: 'es2022', module: 'esnext', moduleResolution: 'bundler',
        lib: ['es2023', 'dom', 'dom.iterable'], types: [], paths: { openapi: ['./openapi.d.ts'] },
      },
      include: ['assets'],
    }));
    try {
      execFileSync(join(modules, '.bin/tsc'), ['-p', join(checked, 'tsconfig.json')], { stdio: 'pipe', encoding: 'utf8' });
    } catch (failure) {
      assert.fail(failure.stdout);
    }
  });

  test('everything has at most 150 KiB compressed', () => {
    const size = filesBelow(assets).reduce((total, file) => total + brotliCompressSync(readFileSync(file)).length, 0);
    assert.ok(size <= LIMIT, `${size} bytes`);
  });

  test('no file makes markup of text', () => {
    const own = filesBelow(assets).filter((file) => file.endsWith('.js') && !file.includes('/vendor/'));
    assert.ok(own.length > 20);
    for (const file of own) assert.doesNotMatch(readFileSync(file, 'utf8'), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/, relative(assets, file));
  });

  test('the 77 events are those of the service', async () => {
    const { EVENTS } = await import(join(assets, 'events.js'));
    const names = [...readFileSync(join(root, 'shared/core/src/model/event_names.in'), 'utf8').matchAll(/"([^"]+)"/g)].map(([, name]) => name);
    assert.deepEqual([...EVENTS].sort(), [...names].sort());
  });

  test('JSON is shown with the numbers that were published', async () => {
    const { pretty, textAt } = await import(join(assets, 'json.js'));
    const text = '{"a":{"b\\"":[1.50,{"x":12345678901234567890}],"c":"},{"}, "d":{}}';
    assert.equal(textAt(text, ['a', 'b"']), '[1.50,{"x":12345678901234567890}]');
    assert.equal(textAt(text, ['a', 'c']), '"},{"');
    assert.equal(textAt(text, ['d']), '{}');
    assert.equal(textAt(text, ['e']), null);
    assert.equal(pretty('{"a":[1.50,"x,y"],"b":{}}'), '{\n  "a": [\n    1.50,\n    "x,y"\n  ],\n  "b": {}\n}');
  });

  test('the reason is shown before the service refuses a URI', async () => {
    const { read } = await import(join(assets, 'uri.js'));
    const refused = ['http://127.0.0.1/', 'http://0x7f.1/', 'http://2130706433/', 'https://[::1]/', 'https://[::ffff:127.0.0.1]/', 'https://10.1.2.3/', 'https://169.254.169.254/', 'https://example.com:25/', 'https://[fd00::1]/', 'https://localhost/'];
    for (const uri of refused) assert.ok(read(uri).warnings.some((text) => /refused/.test(text)), uri);
    for (const uri of ['https://example.com/hook?x=1', 'https://93.184.216.34:8443/', 'https://[2606:2800:220:1::1]/']) assert.deepEqual(read(uri).warnings, [], uri);
    for (const text of ['', 'example.com', 'ftp://example.com/', 'https://', 'https://exa mple.com/']) assert.equal(read(text), null, text);
  });
}
