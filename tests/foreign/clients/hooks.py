"""What `schemathesis` cannot read in the document: refusals of requests that it allows.

Their reasons lie outside of the request, or no schema can state them. Each is known by its text; whatever else is refused though
the document allows it is a failure.
"""

import json

import schemathesis
from schemathesis.specs.openapi.checks import positive_data_acceptance

UNSTATED = {
    # A cursor comes from an answer, for the same filters.
    "Parameter 'search_after' is invalid",
    "Parameter 'search_before' is invalid",
    # The record has changed, or never had this tag.
    "Precondition Failed",
    # The state of records.
    "Webhook policy is used by a webhook",
    "Webhook policy must exist",
    "Webhook id must exist",
    "Webhook is verified already",
    "Webhook is disabled",
    "Delivery is a test",
    "Name has already been taken",
    "Keys has reached its limit of 20",
    "Event is not included in the list",
    "Description attachments is invalid",
    # Times that depend on each other, or on now, or days that their month does not have.
    "Since is invalid",
    "Until is invalid",
    "Parameter 'since' is invalid",
    "Parameter 'until' is invalid",
    # Rules for several fields, or for names that the service has taken.
    "Events is invalid: the first one must be the event",
    "Events is invalid: 'automation_rule' is not allowed together with others",
    "Webhook is not allowed",
    "Webhook can't be blank",
    "Webhook id is not allowed for publishers",
    "Webhook id is invalid",
    "Name is not allowed",
    "Schema mode needs a schema",
    # A trace context whose ids are zero.
    "Trace is invalid",
    # The length of each part of a mail address.
    "Mail exceptions to is invalid",
    # Credentials, codes and signatures that were never given. An account that is not the caller's, in a list of events.
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "Invalid form posted",
    "Forbidden",
    # To JSON Schema, 1.0 is an integer.
    "Jwt claim expires in is invalid",
    "Object id is invalid",
    "Person id is invalid",
    "Minutes must be between 1 and 60",
}
# The rules of content filters: their depth, and what each operator takes. The rules of JSON Schema, and whether an example fits one.
# Names of events that the account does not have.
UNSTATED_BEGIN = ("Filter ", "Schema ", "Example ", "Events is not included in the list: ")


def refusals(response):
    """The texts of a refusal."""
    try:
        answers = json.loads(response.content)
    except ValueError:
        return set()
    texts = set()
    for answer in answers if isinstance(answers, list) else [answers]:
        if isinstance(answer, dict) and "errors" in answer:
            texts.update(text for _, text in answer["errors"])
        elif isinstance(answer, dict):
            texts.update(answer[key] for key in ("message", "error") if isinstance(answer.get(key), str))
    return texts


@schemathesis.check
def what_the_document_allows_is_accepted(ctx, response, case):
    texts = refusals(response)
    if texts and all(text in UNSTATED or text.startswith(UNSTATED_BEGIN) for text in texts):
        return None
    return positive_data_acceptance(ctx, response, case)
