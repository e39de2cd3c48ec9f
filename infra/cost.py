"""What the stack costs on AWS, term by term: python3 infra/cost.py

The prices are list prices of us-east-1 for arm64, without free tiers; PRICES is the place to change them. The counts are
per event and per delivery; each says where it comes from. Given a file of counts that were measured, it uses those:

    python3 infra/cost.py counts.json      # {"event": {"sqs_requests": …}, "delivery": {…}}
"""

import json
import sys

KIB = 1024
GIB = KIB**3
MONTH_HOURS = 730

PRICES = {
    "api_request": 1.00e-6,  # HTTP API, per request of up to 512 KiB
    "lambda_request": 0.20e-6,
    "lambda_gb_second": 0.0000133334,
    "sqs_request": 0.50e-6,  # standard queue 0.40, and 0.10 for the message group of a fair queue; per 64 KiB
    "write_unit": 0.625e-6,  # DynamoDB on demand, per KiB written
    "read_unit": 0.125e-6,  # per 4 KiB read consistently
    "kms_request": 0.03e-4,
    "log_gib": 0.50,
    "data_out_gib": 0.09,
    "bus_event": 1.00e-6,  # EventBridge, per event of up to 64 KiB
    "storage_gib_month": 0.25,
    "backup_gib_month": 0.20,  # point-in-time recovery
    "key_month": 1.00,
    "alarm_month": 0.10,
    "metric_month": 0.30,
}

# A payload of 1 KiB, one matching webhook, full batches of ten, one instance warm.
EVENT = {
    "api_requests": 0.1,  # POST /events with ten events
    "lambda_requests": 0.2,  # events-api, event-fanout: ten each
    "lambda_gb_seconds": 0.25 * (0.002 + 0.003),  # 256 MiB; 2 ms and 3 ms of an invocation for each of its ten events
    "sqs_requests": 0.3,  # sent, received, deleted, ten at a time
    "write_units": 2.0,  # the event with its payload; what became of it
    "read_units": 2.3,  # the webhooks of the event and those with patterns; who publishes, once for ten events
    "log_bytes": 60.0,  # the metrics of a batch
}
DELIVERY = {
    "lambda_requests": 0.1,
    "lambda_gb_seconds": 0.25 * 0.015,  # the endpoint answers in 150 ms; ten wait at the same time
    "sqs_requests": 0.3,
    "write_units": 1.0,  # the record of a first success
    "read_units": 1.5,  # the webhook with its health; its account, at half the price; a policy is one more
    "kms_requests": 0.001,  # a data key stays open for an hour
    "log_bytes": 60.0,
    "data_out_bytes": 2.2 * KIB,  # headers, body, TLS
}
# What one failed attempt adds: its claim, its record, its place in the log of failures, its mail's note, the next message.
FAILURE = DELIVERY | {"sqs_requests": 0.4, "write_units": 4.0, "read_units": 2.5}
ONE_PER_CALL = EVENT | {
    "api_requests": 1.0,
    "lambda_requests": 1.1,
    "lambda_gb_seconds": 0.25 * (0.012 + 0.003),
    "sqs_requests": 1.2,
    "read_units": 4.0,  # the token and the account, for every call
}

TERMS = {
    "api_requests": "api_request",
    "lambda_requests": "lambda_request",
    "lambda_gb_seconds": "lambda_gb_second",
    "sqs_requests": "sqs_request",
    "write_units": "write_unit",
    "read_units": "read_unit",
    "kms_requests": "kms_request",
    "bus_events": "bus_event",
}


def dollars(counts):
    """Dollars for each term of one event or delivery."""
    terms = {name: counts.get(name, 0) * PRICES[price] for name, price in TERMS.items()}
    terms["logs"] = counts.get("log_bytes", 0) / GIB * PRICES["log_gib"]
    terms["data_out"] = counts.get("data_out_bytes", 0) / GIB * PRICES["data_out_gib"]
    return terms


def million(counts):
    return sum(dollars(counts).values()) * 1e6


def show(title, counts):
    print(f"\n{title}: ${million(counts):.2f} per million")
    for name, each in dollars(counts).items():
        if each:
            print(f"    {name:<20}${each * 1e6:.3f}")


def storage(kept_days, item_bytes):
    """Dollars a month for what one million a month leave behind."""
    gib = 1e6 * item_bytes / GIB * kept_days / 30
    return gib * (PRICES["storage_gib_month"] + PRICES["backup_gib_month"])


def idle():
    """A month in which nothing happens: Lambda asks both queues all the time, five times at once, for 20 s each."""
    polls = 2 * 5 * MONTH_HOURS * 3600 / 20
    return {
        "master key": PRICES["key_month"],
        "asking the queues": polls * 0.40e-6,
        "11 alarms": 11 * PRICES["alarm_month"],
    }


def main():
    measured = json.load(open(sys.argv[1])) if len(sys.argv) > 1 else {}
    event, delivery = EVENT | measured.get("event", {}), DELIVERY | measured.get("delivery", {})
    both = {name: event.get(name, 0) + delivery.get(name, 0) for name in {**event, **delivery}}
    show("An event, delivered", both)
    show("One more delivery of it", delivery)
    show("A failed attempt", FAILURE)
    show("An event by a call of its own", ONE_PER_CALL)
    show("An event over EventBridge instead", EVENT | {"api_requests": 0, "bus_events": 1.0, "sqs_requests": 1.2})
    print(f"\nStorage of a million events of 1 KiB and their records, kept 33 and 30 days: ${storage(33, 1600) + storage(30, 600):.2f} a month")
    months = idle()
    print(f"\nAn idle month: ${sum(months.values()):.2f}; less where free tiers apply")
    for name, each in months.items():
        print(f"    {name:<20}${each:.2f}")


if __name__ == "__main__":
    main()
