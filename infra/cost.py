"""What the stack costs on AWS, term by term: python3 infra/cost.py

The prices are list prices of us-east-1 for arm64; PRICES is the place to change them. What does not end of the free tiers is
in FREE, and taken off in a column of its own. Counts are per event and per delivery. Those of requests, units and KMS are what
the end-to-end test of the stack meters, which fails when it finds more; the others say where they come from. Given a file of
counts, it uses those:

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
    "sqs_poll": 0.40e-6,
    "write_unit": 0.625e-6,  # DynamoDB on demand, per KiB written
    "read_unit": 0.125e-6,  # per 4 KiB read consistently
    "kms_request": 0.03e-4,
    "mail": 0.10e-3,  # SES
    "log_gib": 0.50,
    "data_out_gib": 0.09,
    "bus_event": 1.00e-6,  # EventBridge, per event of up to 64 KiB
    "storage_gib_month": 0.25,
    "backup_gib_month": 0.20,  # point-in-time recovery
    "key_month": 1.00,
    "alarm_month": 0.10,  # per metric that an alarm looks at
    "metric_month": 0.30,  # prorated by the hours in which it is written
    "dashboard_month": 3.00,
}
# A month of what is free without an end, for the whole account.
FREE = {"lambda_requests": 1e6, "lambda_gb_seconds": 400_000, "sqs_requests": 1e6, "alarms": 10, "metrics": 10, "dashboards": 3, "log_gib": 5}

# What one invocation writes to its log besides our own lines: the REPORT line of Lambda, as JSON.
REPORT_BYTES = 500.0
# Our metrics of an invocation, one line: a call, a batch of events, a batch of ten attempts, one attempt.
CALL_METRICS_BYTES, EVENTS_METRICS_BYTES, ATTEMPTS_METRICS_BYTES, ATTEMPT_METRICS_BYTES = 570.0, 500.0, 1050.0, 860.0
MEMORY_GB = 0.25

# A payload of 1 KiB, one matching webhook, full batches of ten.
EVENT = {
    "api_requests": 0.1,  # POST /events with ten events
    "lambda_requests": 0.2,  # events-api, event-fanout: ten each
    "lambda_gb_seconds": MEMORY_GB * (0.002 + 0.003),  # 2 ms and 3 ms of an invocation for each of its ten events
    "sqs_requests": 0.3,  # sent, received, deleted, ten at a time
    "write_units": 2.0,  # the event with its payload; what became of it
    "read_units": 2.3,  # the webhooks of the event and those with patterns; who publishes, once for ten events
    "log_bytes": 0.1 * (2 * REPORT_BYTES + CALL_METRICS_BYTES + EVENTS_METRICS_BYTES),
}
DELIVERY = {
    "lambda_requests": 0.1,
    "lambda_gb_seconds": MEMORY_GB * 0.015,  # the endpoint answers in 150 ms; ten wait at the same time
    "sqs_requests": 0.3,
    "write_units": 1.1,  # the record of a first success; the counts of its webhook, once for the batch
    "read_units": 1.5,  # the webhook with its health; its account, at half the price; a policy is one more
    "kms_requests": 0.001,  # a data key stays open for an hour
    "log_bytes": 0.1 * (REPORT_BYTES + ATTEMPTS_METRICS_BYTES),
    "data_out_bytes": 2.2 * KIB,  # headers, body, TLS
}
# A failed attempt: its claim, its record, its place in the log of failures, the health of the webhook, mails, the next message. The
# units are metered over a run of ten, with what its first failure, its mails and the digests write; in the metered run there are more
# digests than one an hour.
FAILURE = DELIVERY | {"sqs_requests": 0.4, "write_units": 13.0, "read_units": 8.0}
# A round of a message that waits behind a throttled host: it is read what it needs to know that it
# must wait, one count for the whole batch, and put back. Not metered: the count of the calls in the code.
HOP = {
    "lambda_requests": 0.1,
    "lambda_gb_seconds": MEMORY_GB * 0.001,
    "sqs_requests": 0.3,
    "write_units": 0.1,
    "read_units": 1.5,
    "log_bytes": 0.1 * (REPORT_BYTES + EVENTS_METRICS_BYTES),
}
# What ten events at a time save is paid when each comes alone.
ONE_PER_CALL = {
    "api_requests": 1.0,
    "lambda_requests": 2.0,
    "lambda_gb_seconds": MEMORY_GB * (0.012 + 0.010),
    "sqs_requests": 3.0,
    "write_units": 2.0,
    "read_units": 6.0,  # the token and the account, for every call
    "log_bytes": 2 * REPORT_BYTES + CALL_METRICS_BYTES + EVENTS_METRICS_BYTES,
}
DELIVERED_ALONE = DELIVERY | {
    "lambda_requests": 1.0,
    "lambda_gb_seconds": MEMORY_GB * 0.160,
    "sqs_requests": 3.0,
    "write_units": 2.0,
    "log_bytes": REPORT_BYTES + ATTEMPT_METRICS_BYTES,
}

ATTEMPTS = 10
RUN_HOURS = 72  # after which a run ends, even if messages wait
HOPS_AN_HOUR = 5  # a wait of 15 minutes takes some of the messages two rounds, so that they do not all come at once
ALARM_METRICS = 17
# Our own metrics: how many of each are written while all goes well, and at most. A value of a dimension is a metric of its own.
OWN_METRICS = {
    "Messages": (2, 2), "Faults": (0, 2), "HandedBack": (0, 2), "Buried": (0, 2),
    "hookline_events_accepted_total": (1, 4), "hookline_events_refused_total": (0, 5), "hookline_publish_duration_seconds": (1, 1),
    "hookline_deliveries_total": (1, 5), "hookline_delivery_duration_seconds": (1, 1), "hookline_delivery_lag_seconds": (1, 1),
    "hookline_end_to_end_seconds": (1, 1), "hookline_connections_total": (1, 1), "hookline_mails_total": (0, 3),
    "hookline_http_requests_total": (1, 1), "hookline_http_request_duration_seconds": (1, 1),
    "hookline_store_write_duration_seconds": (1, 1),
}  # fmt: skip
METRIC_COUNT = sum(usual for usual, _ in OWN_METRICS.values())
MAX_METRICS = sum(most for _, most in OWN_METRICS.values())
DELIVERY_CONCURRENCY, FANOUT_CONCURRENCY, BATCH = 5, 2, 10
DELIVERY_SECONDS, FANOUT_SECONDS = 0.160, 0.010

TERMS = {
    "api_requests": "api_request",
    "lambda_requests": "lambda_request",
    "lambda_gb_seconds": "lambda_gb_second",
    "sqs_requests": "sqs_request",
    "write_units": "write_unit",
    "read_units": "read_unit",
    "kms_requests": "kms_request",
    "bus_events": "bus_event",
    "mails": "mail",
}


def dollars(counts):
    """Dollars for each term of one event or delivery."""
    terms = {name: counts.get(name, 0) * PRICES[price] for name, price in TERMS.items()}
    terms["logs"] = counts.get("log_bytes", 0) / GIB * PRICES["log_gib"]
    terms["data_out"] = counts.get("data_out_bytes", 0) / GIB * PRICES["data_out_gib"]
    return terms


def million(counts):
    return sum(dollars(counts).values()) * 1e6


def added(*counts):
    """Counts put together, each a pair of how often and what."""
    total = {}
    for times, of in counts:
        for name, count in of.items():
            total[name] = total.get(name, 0) + times * count
    return total


def batch(an_hour, seconds, concurrency):
    """How many messages an invocation really gets: one as long as free invocations wait for them, more only when all are busy."""
    busy = an_hour / 3600 * seconds
    return min(BATCH, max(1.0, busy / concurrency))


def between(alone, full, size):
    """Counts for batches of a size, from those of one and of ten: what is paid per batch is shared by its messages."""
    share = (1 / size - 1 / BATCH) / (1 - 1 / BATCH)
    return {name: full.get(name, 0) + share * (alone.get(name, 0) - full.get(name, 0)) for name in {**alone, **full}}


def month(an_hour, failing=0.0, dead=0.0):
    """What a month costs at so many events an hour, each of a call of its own and with one delivery: counts and fixed costs.

    `failing` of the deliveries use up all ten attempts; `dead` of them wait behind a throttled host until their run is over.
    """
    event = between(ONE_PER_CALL, added((1, EVENT), (1, {"api_requests": 0.9})), batch(an_hour, FANOUT_SECONDS, FANOUT_CONCURRENCY))
    attempts = an_hour * (1 - dead - failing + ATTEMPTS * failing + RUN_HOURS * HOPS_AN_HOUR * dead)
    size = batch(attempts, DELIVERY_SECONDS, DELIVERY_CONCURRENCY)
    success = between(DELIVERED_ALONE, DELIVERY, size)
    # Every process opens the data key of an account once an hour, and a rare event finds no process.
    success["kms_requests"] = max(DELIVERY["kms_requests"], min(1.0, DELIVERY_CONCURRENCY / max(an_hour, 1e-9)))
    failure = added((1, success), (1, FAILURE), (-1, DELIVERY))
    hop = between(added((1, HOP), (9, {n: c for n, c in HOP.items() if n != "read_units"})), HOP, size)
    one = added(
        (1, event), (1 - failing - dead, success), (failing * ATTEMPTS, failure), (dead * RUN_HOURS * HOPS_AN_HOUR, hop)
    )  # fmt: skip
    events = an_hour * MONTH_HOURS
    total = added((events, one))
    # At most one mail for a webhook in twenty minutes; one webhook fails.
    total["mails"] = min(3, an_hour * (failing + dead)) * MONTH_HOURS
    return total, fixed(an_hour), size


def fixed(an_hour):
    """What a month costs whatever happens: Lambda asks both queues all the time, five times at once, for 20 s each."""
    polls = 2 * 5 * MONTH_HOURS * 3600 / 20
    written = min(1.0, an_hour)  # the share of hours in which metrics are written
    return {
        "master key": (PRICES["key_month"], 0),
        "asking the queues": (polls * PRICES["sqs_poll"], min(polls, FREE["sqs_requests"]) * PRICES["sqs_poll"]),
        f"alarms on {ALARM_METRICS} metrics": (ALARM_METRICS * PRICES["alarm_month"], FREE["alarms"] * PRICES["alarm_month"]),
        f"{METRIC_COUNT} metrics": (METRIC_COUNT * written * PRICES["metric_month"], min(METRIC_COUNT, FREE["metrics"]) * written * PRICES["metric_month"]),
    }  # fmt: skip


def free(total):
    """What the free tiers take off a month's counts; SQS's is used up by asking the queues."""
    return (
        min(total.get("lambda_requests", 0), FREE["lambda_requests"]) * PRICES["lambda_request"]
        + min(total.get("lambda_gb_seconds", 0), FREE["lambda_gb_seconds"]) * PRICES["lambda_gb_second"]
        + min(total.get("log_bytes", 0) / GIB, FREE["log_gib"]) * PRICES["log_gib"]
    )


def bill(an_hour, **kinds):
    """Dollars of a month: by list, and after what is free; without the dashboard."""
    total, fixes, _ = month(an_hour, **kinds)
    listed = sum(dollars(total).values()) + sum(price for price, _ in fixes.values())
    return listed, listed - free(total) - sum(off for _, off in fixes.values())


def show(title, counts):
    print(f"\n{title}: ${million(counts):.2f} per million")
    for name, each in dollars(counts).items():
        if each:
            print(f"    {name:<20}${each * 1e6:.3f}")


def storage(kept_days, item_bytes):
    """Dollars a month for what one million a month leave behind."""
    gib = 1e6 * item_bytes / GIB * kept_days / 30
    return gib * (PRICES["storage_gib_month"] + PRICES["backup_gib_month"])


RATES = [("idle", 0), ("1 event an hour", 1), ("100 an hour", 100), ("10,000 an hour", 10_000), ("a million a day", 1e6 / 24)]


def table():
    """The months, as rows of text."""
    yield f"{'a month of':<18}{'batch':>6}{'healthy':>12}{'5 % failing':>14}{'5 % dead hosts':>16}{'healthy, with free tier':>24}"
    for name, an_hour in RATES:
        healthy, off = bill(an_hour)
        size = month(an_hour)[2]
        yield f"{name:<18}{size:>6.1f}{healthy:>12,.2f}{bill(an_hour, failing=0.05)[0]:>14,.2f}{bill(an_hour, dead=0.05)[0]:>16,.2f}{off:>24,.2f}"


def main():
    measured = json.load(open(sys.argv[1])) if len(sys.argv) > 1 else {}
    event, delivery = EVENT | measured.get("event", {}), DELIVERY | measured.get("delivery", {})
    print("\n".join(table()))
    print(
        "\nDollars, by list prices. Every event is a call of its own and goes to one endpoint. Failing: all ten attempts fail. Dead hosts: the"
        "\nmessage waits behind a throttled host until its run is over. Storage is extra: a million events of 1 KiB and their records,"
        f"\nkept 33 and 30 days, are ${storage(33, 1600) + storage(30, 600):.2f} a month. A dashboard is ${PRICES['dashboard_month']:.2f}; three of an account are free."
    )
    show("An event, delivered, in full batches", added((1, event), (1, delivery)))
    show("One more delivery of it", delivery)
    show("An event, delivered, alone", added((1, ONE_PER_CALL), (1, DELIVERED_ALONE)))
    show("A failed attempt, in a full batch", FAILURE)
    show("A round behind a throttled host, in a full batch", HOP)
    show("An event over EventBridge instead of the API", EVENT | {"api_requests": 0, "bus_events": 1.0, "sqs_requests": 1.2})
    print("\nAn idle month:")
    for name, (price, off) in fixed(0).items():
        if price:
            print(f"    {name:<24}${price:.2f}, of which ${off:.2f} free")


if __name__ == "__main__":
    main()
