// Which screen a path of the address shows.

import { html } from './html.js';
import { Failure } from './api.js';
import { Heading, Empty, Failed } from './parts.js';
import { mayRead, session } from './session.js';
import { Overview } from './screens/overview.js';
import { Webhooks } from './screens/webhooks.js';
import { Webhook } from './screens/webhook.js';
import { NewWebhook } from './screens/webhook_form.js';
import { Delivery } from './screens/delivery.js';
import { Events } from './screens/events.js';
import { Recover } from './screens/recover.js';
import { Hosts } from './screens/hosts.js';
import { Policies } from './screens/policies.js';
import { EventType } from './screens/event_type.js';
import { EventTypes } from './screens/event_types.js';

/** @param {import('./route.js').Route} route */
export function screenOf({ path: [place, id, part] }) {
  const only = session.value?.webhook;
  // For a link to one webhook that webhook is the overview and the list, and the rest does not exist.
  if (only != null && (place === undefined || (place === 'webhooks' && id === undefined))) return html`<${Webhook} id=${String(only)} part="deliveries" />`;
  if (only != null && place !== 'deliveries' && (place !== 'webhooks' || id !== String(only))) {
    return html`<div class="head"><${Heading}>Not found<//></div><${Failed} of=${new Failure(404, 'Not Found', [], null)} />`;
  }
  if (!mayRead() || place === 'events') return html`<${Events} part=${place === 'events' ? id : undefined} />`;
  switch (place) {
    case undefined:
      return html`<${Overview} />`;
    case 'webhooks':
      if (id === undefined) return html`<${Webhooks} />`;
      return id === 'new' ? html`<${NewWebhook} />` : html`<${Webhook} id=${id} part=${part ?? 'deliveries'} />`;
    case 'deliveries':
      if (id !== undefined) return html`<${Delivery} id=${id} />`;
      break;
    case 'recover':
      return html`<${Recover} />`;
    case 'hosts':
      return html`<${Hosts} />`;
    case 'policies':
      return html`<${Policies} />`;
    case 'event-types':
      return id === undefined ? html`<${EventTypes} />` : html`<${EventType} key=${id} name=${id} />`;
  }
  return html`<div class="head"><${Heading}>Not found<//></div><${Empty} title="There is no such screen.">Choose one of the navigation.<//>`;
}
