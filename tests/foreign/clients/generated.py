"""Walks through the API with the package that `openapi-python-client` made of our document: generated.py URL FOLDER ENDPOINT

FOLDER holds the package `made`. The token comes from `HOOKLINE_TOKEN`. Fails with what is wrong.
"""

import importlib
import os
import pkgutil
import sys
import time

url, folder, endpoint = sys.argv[1:]
sys.path.insert(0, folder)

import made
from made.api.deliveries import get_delivery, list_deliveries_of_webhook
from made.api.events import publish_events
from made.api.webhooks import create_webhook, delete_webhook, get_webhook, list_webhooks, test_webhook, update_webhook
from made.models import DeliveryOutcome, EventInput, Message, PublishedType0, ValidationFailed, WebhookChanges, WebhookInput

LIMIT = 120.0
for module in pkgutil.walk_packages(made.__path__, "made."):
    importlib.import_module(module.name)

client = made.AuthenticatedClient(base_url=url, token=os.environ["HOOKLINE_TOKEN"], raise_on_unexpected_status=True)


def is_equal(one, other):
    assert one == other, f"{one!r} is not {other!r}"


webhook = create_webhook.sync(client=client, body=WebhookInput(event="request.create", uri=endpoint, name="made"))
is_equal((webhook.name, webhook.uri, webhook.disabled), ("made", endpoint, False))
id = str(webhook.id)
is_equal(get_webhook.sync(id, client=client), webhook)
is_equal([one.name for one in list_webhooks.sync(client=client, name="made", per_page=5)], ["made"])
is_equal(update_webhook.sync(id, client=client, body=WebhookChanges(name="changed")).name, "changed")
refused = update_webhook.sync(id, client=client, body=WebhookChanges(uri="ftp://example.com/"))
assert isinstance(refused, ValidationFailed) and refused.errors[0][0] == "uri", refused
report = test_webhook.sync(id, client=client, report="true")
is_equal((report.status, report.error), (204, None))
published = publish_events.sync(client=client, body=EventInput(event="request.create", object_id=7))
assert isinstance(published, PublishedType0), published

end = time.monotonic() + LIMIT
while len(deliveries := list_deliveries_of_webhook.sync(id, client=client)) < 2:
    assert time.monotonic() < end, "no delivery"
    time.sleep(0.05)
is_equal({one.event for one in deliveries}, {"request.create"})
delivery = get_delivery.sync(str(deliveries[0].id), client=client)
is_equal((delivery.outcome, delivery.response.status, delivery.attempt), (DeliveryOutcome.SUCCEEDED, 204, 1))
is_equal(delete_webhook.sync_detailed(id, client=client).status_code, 204)
gone = get_webhook.sync(id, client=client)
assert isinstance(gone, Message), gone
