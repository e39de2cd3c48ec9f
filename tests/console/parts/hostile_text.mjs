// Text of others is shown as text, whatever is in it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Console } from '../browser.mjs';
import { until } from '../service.mjs';

const LIMIT = { timeout: 900_000 };
const MARKUP = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';
const BACKWARDS = '\u202Egnp.exe\u202C \u2066isolated\u2069';
const TERMINAL = '\u001b[31mred\u001b[0m\u0007';
const LONG = 'x'.repeat(64 * 1024);

export function hostile_text(world) {
  test('hostile text in every field and in answers is text', LIMIT, async () => {
    const { service, endpoints } = world;
    const whole = `${MARKUP}${BACKWARDS}${TERMINAL}${LONG}`;
    endpoints.answer('/hostile', { status: 500, headers: { 'X-Markup': MARKUP }, body: MARKUP + TERMINAL + LONG });
    const webhook = await service.call('POST', '/webhooks', {
      event: 'person.update',
      name: MARKUP.slice(0, 100),
      uri: `${endpoints.url}/hostile?${"a'b;c".repeat(300)}`,
      description: MARKUP + TERMINAL + LONG.slice(0, 60_000),
      source: '<b onclick=pwned()>',
      sourceID: MARKUP.slice(0, 128),
      // Their values are masked wherever an answer repeats them.
      headers: { 'X-Own': '"><b>', 'X-Long': 'y'.repeat(2000) },
    });
    const { id } = await service.call('POST', '/events', { event: 'person.update', id: '<script>pwned=1</script>', object_id: 1, person_id: 1, person_name: MARKUP, payload: { [MARKUP]: whole } });
    const [delivery] = await until(async () => {
      const made = await service.call('GET', `/webhooks/${webhook.id}/deliveries`);
      return made.length && made;
    });
    // The list is at its widest with the hours of the counts, which are written within seconds.
    await until(async () => (await service.call('GET', `/webhooks/${webhook.id}/counts`)).length);
    const console_ = await Console.open(world);
    const { page } = console_;
    const screens = ['', 'webhooks', ...['deliveries', 'settings', 'edit', 'signing', 'test', 'history'].map((part) => `webhooks/${webhook.id}/${part}`),
      `deliveries/${delivery.id}`, `events?id=${encodeURIComponent(id)}`, `recover?webhook=${webhook.id}`, `webhooks?q=${encodeURIComponent(MARKUP)}`, `events/explain?event=${encodeURIComponent(MARKUP)}`, `${encodeURIComponent(MARKUP)}`];
    for (const screen of screens) {
      await console_.go(screen);
      const found = await page.evaluate(() => ({ pwned: 'pwned' in window, markup: document.querySelectorAll('#app img, #app script, #app iframe, #app [onclick]').length }));
      assert.deepEqual(found, { pwned: false, markup: 0 }, screen);
      assert.equal(await console_.isTooWide(), false, screen);
    }
    await console_.go('webhooks');
    for (const width of [1280, 1241, 1240, 1024, 761]) {
      await page.setViewportSize({ width, height: 900 });
      assert.equal(await console_.isTooWide(), false, `webhooks at ${width} px`);
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    await console_.go(`deliveries/${delivery.id}`);
    const text = await page.locator('main').textContent();
    assert.ok(text.toLowerCase().includes(`x-markup: ${MARKUP}`.toLowerCase()), text.split('Answer')[1].slice(0, 500));
    assert.ok(text.split('Answer')[1].includes(`\n\n${MARKUP}`), 'the answer');
    assert.ok(text.includes(BACKWARDS), 'the payload');
    await console_.go(`webhooks/${webhook.id}/settings`);
    assert.ok((await page.locator('main').textContent()).includes(MARKUP), 'the description');

    await console_.go(`webhooks/${webhook.id}/test`);
    await console_.button('Send a test').click();
    await page.getByText('The test failed: 500 Internal Server Error').waitFor();
    assert.equal(await page.evaluate(() => 'pwned' in window), false);
    await service.call('DELETE', `/webhooks/${webhook.id}`);
    await console_.close();
  });

  test('the policy blocks planted scripts, styles and foreign origins', LIMIT, async () => {
    const console_ = await Console.open(world);
    const { page } = console_;
    const before = world.seen.problems.length;
    const planted = await page.evaluate(async () => {
      const script = document.createElement('script');
      script.textContent = 'window.planted = 1';
      document.body.append(script);
      const holder = document.createElement('div');
      holder.innerHTML = '<p id="styled" style="position:fixed">x</p><button onclick="window.planted = 1">x</button>';
      document.body.append(holder);
      holder.querySelector('button').click();
      const blocked = await fetch('http://127.0.0.2:9/').then(() => false, () => true);
      return { planted: 'planted' in window, position: getComputedStyle(document.querySelector('#styled')).position, blocked };
    });
    assert.deepEqual(planted, { planted: false, position: 'static', blocked: true });
    // The browser reports what it blocked, and asks no network for it.
    assert.ok(world.seen.problems.length >= before + 3);
    world.seen.problems.length = before;
    await console_.close();
  });
}
