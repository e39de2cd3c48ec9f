// What administrators do, each action once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Console } from '../browser.mjs';
import { until } from '../service.mjs';

const LIMIT = { timeout: 900_000 };

/** Moves the focus by Tab until it is on the element with this name. */
async function tabTo(page, role, name) {
  const target = page.getByRole(role, { name, exact: true }).first();
  for (let step = 0; step < 150; step++) {
    if (await target.evaluate((element) => element === document.activeElement).catch(() => false)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`Tab does not reach ${role} ${name}`);
}

export function actions(world) {
  test('creates and tests a webhook by keyboard alone', LIMIT, async () => {
    const console_ = await Console.open(world, { signedIn: false });
    const { page } = console_;
    await tabTo(page, 'textbox', 'Token');
    await page.keyboard.type(console_.token);
    await page.keyboard.press('Enter');
    await console_.ready();
    await tabTo(page, 'link', 'Webhooks');
    await page.keyboard.press('Enter');
    await console_.ready();
    await tabTo(page, 'link', 'New webhook');
    await page.keyboard.press('Enter');
    await tabTo(page, 'textbox', 'Event');
    await page.keyboard.type('request.*');
    await page.getByText('Matches 8 events').waitFor();
    await tabTo(page, 'textbox', 'URI');
    await page.keyboard.type(`${world.endpoints.url}/keyboard`);
    await page.getByText('is a loopback address').waitFor();
    await tabTo(page, 'textbox', 'Name');
    await page.keyboard.type('By keyboard');
    await tabTo(page, 'button', 'Save and test');
    await page.keyboard.press('Enter');
    await page.getByText('The endpoint answered 200.').waitFor();
    assert.equal(world.endpoints.at('/keyboard').length, 1);
    await tabTo(page, 'button', 'Test again');
    await page.keyboard.press('Enter');
    await until(() => world.endpoints.at('/keyboard').length === 2);
    await page.getByText('The endpoint answered 200.').waitFor();
    await console_.button('Copy report').click();
    assert.equal(JSON.parse(await page.evaluate(() => navigator.clipboard.readText())).status, 200);
    await console_.close();
  });

  test('shows the 422 sentences at their fields, and keeps what was typed', LIMIT, async () => {
    const console_ = await Console.open(world, { at: 'webhooks/new' });
    const { page } = console_;
    await console_.button('Save').click();
    await page.getByText('Uri can\'t be blank').waitFor();
    assert.equal(await page.locator('#event-wrong').innerText(), "Event can't be blank");
    assert.equal(await page.locator('#event').evaluate((input) => input === document.activeElement), true);
    await page.getByLabel('Event', { exact: true }).fill('problem.update');
    await page.getByLabel('URI', { exact: true }).fill('https://10.0.0.1/hook');
    await page.getByText('10.0.0.1 is a private address').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('Corrected');
    await console_.button('Add header').click();
    await page.getByLabel('Name of header 1').fill('Host');
    await page.getByLabel('Value of header 1').fill('x');
    await console_.button('Save').click();
    await page.getByText(/Headers .*Host/).waitFor();
    await page.getByLabel('Name of header 1').fill('X-Api-Key');
    await page.getByLabel('URI', { exact: true }).fill(`${world.endpoints.url.replace('://', '://ada:secret@')}/edit`);
    await console_.button('Save').click();
    await page.getByText('X-Api-Key: ***').waitFor();
    await page.getByRole('link', { name: 'Edit', exact: true }).click();
    assert.equal(await page.getByLabel('Value of header 1').inputValue(), '***');
    assert.match(await page.getByLabel('URI', { exact: true }).inputValue(), /ada:\*\*\*@/);
    await page.getByLabel('Name', { exact: true }).fill('Corrected twice');
    await page.getByLabel('Description').fill('Kept\nlines');
    await console_.button('Save and test').click();
    await page.getByText('The endpoint answered 200.').waitFor();
    const [sent] = world.endpoints.at('/edit');
    assert.equal(sent.headers['x-api-key'], 'x');
    assert.equal(sent.headers.authorization, `Basic ${Buffer.from('ada:secret').toString('base64')}`);
    await page.getByRole('link', { name: 'History' }).click();
    await page.getByText('Corrected → Corrected twice').waitFor();
    await console_.close();
  });

  test('an edit that meets another is shown as a conflict, and what was typed is kept', LIMIT, async () => {
    const { service, endpoints } = world;
    const { id } = await service.call('POST', '/webhooks', { event: 'service_offering.create', uri: `${endpoints.url}/both`, name: 'Before' });
    const path = `/webhooks/${id}`;
    const console_ = await Console.open(world, { at: `webhooks/${id}/edit` });
    const { page } = console_;
    await page.getByLabel('Description').fill('Typed here');
    await page.getByLabel('Name', { exact: true }).fill('Mine');
    await service.call('PATCH', path, { name: 'Theirs', mail_exceptions_to: 'grace@example.com' });
    await console_.button('Save').click();
    await page.getByText('Someone else changed this webhook meanwhile.').waitFor();
    assert.equal(await page.getByRole('alert').getByText('grace@example.com').count(), 1);
    assert.equal(await page.getByRole('alert').getByText('Theirs', { exact: true }).count(), 1);
    assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'Mine');
    assert.equal(await page.getByLabel('Description').inputValue(), 'Typed here');
    assert.equal((await service.call('GET', path)).name, 'Theirs');
    // A change after that is a conflict again.
    await service.call('PATCH', path, { name: 'Theirs again' });
    await console_.button('Save').click();
    await page.getByRole('alert').getByText('Theirs again').waitFor();
    await console_.button('Save').click();
    await page.getByRole('heading', { name: 'Mine' }).waitFor();
    const { name, description, mail_exceptions_to: mail } = await service.call('GET', path);
    assert.deepEqual([name, description, mail], ['Mine', 'Typed here', 'grace@example.com']);

    // A delivery that fails meanwhile is no change of a person.
    endpoints.answer('/both', { status: 404 });
    await console_.go(`webhooks/${id}/edit`);
    await service.call('POST', '/events', { event: 'service_offering.create', object_id: 1 });
    await until(async () => (await service.call('GET', `${path}?fields=last_error`)).last_error);
    await page.getByLabel('Name', { exact: true }).fill('Mine again');
    await console_.button('Save').click();
    await page.getByRole('heading', { name: 'Mine again' }).waitFor();
    await service.call('PATCH', path, { disabled: true });
    await console_.close();
  });

  test('a failing endpoint is explained, its message redelivered, and its signature checked', LIMIT, async () => {
    const console_ = await Console.open(world, { at: 'webhooks' });
    const { page } = console_;
    const { endpoints, service } = world;
    endpoints.answer('/signed', { status: 503, headers: { 'X-Reason': 'maintenance' }, body: 'back soon' });
    const { id } = await service.call('POST', '/webhooks', { event: 'ci.create', uri: `${endpoints.url}/signed`, name: 'Signed' });
    await console_.go(`webhooks/${id}/deliveries`);
    await page.getByText('No deliveries yet.').waitFor();
    await console_.go('events/publish');
    await page.getByLabel('Event', { exact: true }).fill('ci.create');
    await page.getByLabel('Object id').fill('7');
    await page.getByLabel('Payload').fill('{"price": 1.50, "big": 12345678901234567890}');
    await console_.button('Publish').click();
    await page.getByText('Accepted.').waitFor();
    await page.locator('.note.ok a').click();
    await page.getByText('matched 1 webhooks').waitFor();
    await until(async () => (await service.call('GET', `/webhooks/${id}/deliveries`)).length);
    await console_.go(`webhooks/${id}/deliveries?outcome=failed`);
    await page.locator('tbody a').first().click();
    await page.getByText('The endpoint answered 503 Service Unavailable.').waitFor();
    await page.getByText(/The endpoint’s fault\..*Attempt 1 of 10; the next one in/).waitFor();
    await page.getByText('X-Reason: maintenance').waitFor();
    await page.getByText('back soon').waitFor();
    assert.match(await page.locator('#body').innerText(), /"price": 1\.50,\s+"big": 12345678901234567890/);

    await console_.button('Copy body').click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), endpoints.at('/signed')[0].body);
    await console_.button('Copy as curl').click();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^curl -X POST 'http:[\s\S]* --data-binary '\{/);

    const { secret } = await service.call('GET', `/webhooks/${id}/secret`);
    const [received] = endpoints.at('/signed');
    await page.getByText('Check a signature').click();
    await page.getByLabel('Secret').fill(secret);
    await page.getByLabel('Received Webhook-Signature').fill(received.headers['webhook-signature']);
    await console_.button('Check').click();
    await page.getByText('The signature is right').waitFor();
    await page.getByLabel('Body, to the byte').fill(received.body + ' ');
    await console_.button('Check').click();
    await page.getByText('The signature is not of this secret').waitFor();
    await page.getByLabel('Secret').fill('whsec_***');
    await console_.button('Check').click();
    await page.getByText('This is not a secret').waitFor();

    endpoints.answer('/signed', { status: 200 });
    await console_.button('Redeliver').click();
    await page.locator('dialog').getByRole('button', { name: 'Redeliver' }).click();
    await page.getByText('The endpoint answered 200').waitFor();
    await page.getByText('Redelivery of').waitFor();
    await page.getByRole('link', { name: 'Older' }).click();
    await page.getByText('The endpoint answered 503').waitFor();
    await page.getByRole('link', { name: 'Newer' }).click();
    await page.getByText('The endpoint answered 200').waitFor();
    assert.equal(endpoints.at('/signed').at(-1).headers['webhook-id'], received.headers['webhook-id']);
    await console_.close();
  });

  test('the secret is shown on demand and rotated', LIMIT, async () => {
    const { service } = world;
    const { id } = await service.call('POST', '/webhooks', { event: 'sla.create', uri: `${world.endpoints.url}/rotated`, name: 'Rotated' });
    const console_ = await Console.open(world, { at: `webhooks/${id}/signing` });
    const { page } = console_;
    assert.equal(await page.locator('#secret').count(), 0);
    await console_.button('Show secret').click();
    const before = await page.locator('#secret').innerText();
    assert.equal(before, (await service.call('GET', `/webhooks/${id}/secret`)).secret);
    await console_.button('Rotate secret').click();
    await page.locator('dialog').getByRole('button', { name: 'Rotate' }).click();
    await page.waitForFunction((old) => document.querySelector('#secret')?.textContent !== old, before);
    assert.equal(await page.locator('#secret').innerText(), (await service.call('GET', `/webhooks/${id}/secret`)).secret);
    await console_.close();
  });

  test('webhooks are found, sorted, disabled with the name of who did it, and deleted after typing the name', LIMIT, async () => {
    const { service } = world;
    const { id } = await service.call('POST', '/webhooks', { event: 'task.create', uri: `${world.endpoints.url}/gone`, name: 'To delete' });
    const console_ = await Console.open(world, { at: 'webhooks' });
    const { page } = console_;
    await page.getByRole('searchbox').fill('delete');
    await page.getByRole('searchbox').press('Enter');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
    assert.match(page.url(), /q=delete/);
    await page.getByRole('button', { name: 'Disable To delete' }).click();
    await page.getByText('disabled by an administrator').waitFor();
    await page.getByLabel('State').selectOption('disabled');
    await console_.ready();
    await page.locator('tbody a').first().click();
    await page.getByRole('link', { name: 'Settings' }).click();
    await console_.button('Delete webhook').click();
    const yes = page.locator('dialog').getByRole('button', { name: 'Delete' });
    assert.equal(await yes.isDisabled(), true);
    await page.locator('#ask-typed').fill('To delete');
    await yes.click();
    await page.getByRole('heading', { name: 'Webhooks' }).waitFor();
    const status = await fetch(`${service.url}/v1/webhooks/${id}`, { headers: { Authorization: `Bearer ${service.admin}` } });
    assert.equal(status.status, 404);
    await page.getByLabel('Order').selectOption('name');
    const sorted = (await service.call('GET', '/webhooks?sort=name')).map(({ name }) => name);
    await page.waitForFunction((names) => names === [...document.querySelectorAll('tbody td:first-child b')].map((cell) => cell.textContent).join(), sorted.join());
    await console_.close();
  });

  test('new rows wait behind a button', LIMIT, async () => {
    const { service } = world;
    const { id } = await service.call('POST', '/webhooks', { event: 'team.create', uri: `${world.endpoints.url}/rows`, name: 'Rows' });
    const console_ = await Console.open(world, { at: 'hosts' });
    const { page } = console_;
    await page.clock.install();
    await console_.go(`webhooks/${id}/deliveries`);
    await service.call('POST', '/events', { event: 'team.create', object_id: 1 });
    await until(async () => (await service.call('GET', `/webhooks/${id}/deliveries`)).length === 1);
    await page.clock.runFor(16_000);
    await page.getByRole('button', { name: 'Show 1 new' }).waitFor();
    assert.equal(await page.locator('tbody tr').count(), 0);
    await page.getByRole('button', { name: 'Show 1 new' }).click();
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
    await console_.close();
  });

  test('policies are made, rotated, disabled and deleted, and event types made and deleted', LIMIT, async () => {
    const console_ = await Console.open(world, { at: 'policies' });
    const { page } = console_;
    await page.getByText('No policies yet.').waitFor();
    await console_.button('New policy').click();
    await page.getByLabel('Expires in').fill('never');
    await console_.button('Create').click();
    await page.locator('#jwt_claim_expires_in-wrong').waitFor();
    await page.getByLabel('Expires in').fill('1:30');
    await page.getByLabel('Audience').fill('receivers');
    await console_.button('Create').click();
    await page.getByLabel('Key', { exact: true }).getByText('BEGIN PUBLIC KEY').waitFor();
    await page.getByText('exp 90 min').waitFor();
    const first = await page.getByLabel('Key', { exact: true }).innerText();
    await page.getByRole('button', { name: /^Rotate policy/ }).click();
    await page.locator('dialog').getByRole('button', { name: 'Rotate' }).click();
    await page.waitForFunction((old) => document.querySelector('[aria-label="Key"]')?.textContent !== old, first);
    await page.getByRole('button', { name: /^Activate the newest key/ }).click();
    await page.getByText('The newest key signs now').waitFor();
    await page.getByRole('button', { name: /^Disable policy/ }).click();
    await page.getByText('disabled', { exact: true }).waitFor();
    await page.getByRole('button', { name: /^History of policy/ }).click();
    await page.getByText('jwt_alg').waitFor();
    await page.getByRole('button', { name: /^Delete policy/ }).click();
    await page.locator('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No policies yet.').waitFor();

    await console_.go('event-types');
    await page.getByLabel('New type').fill('Order Paid');
    await console_.button('Create').click();
    await page.locator('#name-wrong').waitFor();
    await page.getByLabel('New type').fill('order.paid');
    await console_.button('Create').click();
    await page.getByRole('link', { name: 'order.paid' }).click();
    await page.getByLabel('Description', { exact: true }).fill('An order was paid.');
    await page.getByLabel('Schema', { exact: true }).fill('{"type": "text"}');
    await page.getByLabel('Payloads that do not fit are').selectOption('refused');
    await console_.button('Save').click();
    await page.locator('#schema-wrong').getByText('Schema at /type').waitFor();
    await page.getByLabel('Schema', { exact: true }).fill('{"properties": {"total": {"multipleOf": 0.010}}}');
    await page.getByLabel('Example', { exact: true }).fill('{"total": 19.990}');
    await console_.button('Save').click();
    await page.waitForFunction(() => document.querySelector('#example')?.value === '{\n  "total": 19.990\n}');
    await page.getByRole('link', { name: 'Event types' }).last().click();
    await page.getByText('An order was paid.').waitFor();
    await page.getByRole('button', { name: 'Delete order.paid' }).click();
    await page.locator('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No own event types yet.').waitFor();
    await console_.close();
  });

  test('explains which webhooks get an event', LIMIT, async () => {
    const { service, endpoints } = world;
    await service.call('POST', '/webhooks', { event: 'risk.create', uri: `${endpoints.url}/risk`, name: 'Risks', disabled: true });
    const console_ = await Console.open(world, { at: 'events/explain' });
    const { page } = console_;
    await page.getByLabel('Event', { exact: true }).fill('risk.create');
    await console_.button('Explain').click();
    await page.getByRole('row', { name: /Risks no disabled/ }).waitFor();
    await page.getByLabel('Payload').fill('[');
    await console_.button('Explain').click();
    await page.getByText('The payload is not a JSON object.').waitFor();
    await console_.close();
  });
}
