// How the files are served: compressed, cached by their hash, and with the headers that keep the page to itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get } from 'node:http';
import { gunzipSync } from 'node:zlib';

/** An answer as it is on the wire; `fetch` would decode it. */
const raw = (url, headers = {}) => new Promise((found, failed) => {
  get(url, { headers }, (answer) => {
    const chunks = [];
    answer.on('data', (chunk) => chunks.push(chunk));
    answer.on('end', () => found({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks) }));
  }).on('error', failed);
});

export function serving(world) {
  test('files are sent with gzip to those who take it, byte for byte', async () => {
    const page = `${world.service.url}/console`;
    const plain = await raw(page);
    assert.equal(plain.status, 200);
    assert.equal(plain.headers['content-encoding'], undefined);
    const packed = await raw(page, { 'Accept-Encoding': 'br, gzip' });
    assert.equal(packed.headers['content-encoding'], 'gzip');
    assert.match(packed.headers.vary, /accept-encoding/i);
    assert.deepEqual(gunzipSync(packed.body), plain.body);
    assert.match(packed.headers['content-security-policy'], /default-src 'none'/);
    assert.equal(packed.headers['referrer-policy'], 'no-referrer');
    const again = await raw(page, { 'If-None-Match': packed.headers.etag, 'Accept-Encoding': 'gzip' });
    assert.equal(again.status, 304);

    const files = [...plain.body.toString().matchAll(/(?:src|href)="([^"]+\.(?:js|css|svg))"/g)].map(([, file]) => new URL(file, page).href);
    assert.ok(files.length > 2, plain.body.toString());
    for (const file of files) {
      const [small, whole] = [await raw(file, { 'Accept-Encoding': 'gzip' }), await raw(file)];
      assert.equal(small.status, 200, file);
      assert.match(small.headers['cache-control'], /immutable/);
      assert.deepEqual(small.headers['content-encoding'] ? gunzipSync(small.body) : small.body, whole.body, file);
    }
    assert.equal((await raw(`${page}/${'0'.repeat(16)}/app.js`)).status, 404);
  });
}
