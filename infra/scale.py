"""Where the serverless service ends, and why: python3 infra/scale.py

Each limit is computed from what AWS allows and from constants of the code and the template, which are read where they stand. What
a call reads and writes is what the end-to-end test of the stack meters (cost.py). `--markdown` prints the table of docs/scale.md.
"""

import pathlib
import re
import sys

import cost

ROOT = pathlib.Path(__file__).resolve().parents[1]

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
PARTITION_WRITES, PARTITION_READS = 1_000, 3_000
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html (on demand, can be raised)
TABLE_WRITES, TABLE_READS = 40_000, 40_000
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
IN_FLIGHT = 120_000
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
MAPPING_CONCURRENCY = 1_000
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html (account, can be raised)
API_REQUESTS = 10_000
# https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html (the lowest of all Regions, can be raised)
KMS_REQUESTS = 10_000

# What is not a constant: how long things take.
DELIVERY_SECONDS = 0.3  # one message, most of it the endpoint
FANOUT_SECONDS = 0.02  # one event with few webhooks
SEND_SECONDS = 0.02  # one call of SQS


def constant(path, name):
    """A number of the code: `const NAME: … = 8;`, also as a product or as minutes."""
    text = (ROOT / path).read_text()
    found = re.search(rf"const {name}: [\w:<>]+ = (?:Duration::from_(secs|mins|hours)\()?([\d_ *]+)\)?;", text)
    assert found, f"{path} has no constant {name}"
    value = 1
    for factor in found[2].split("*"):
        value *= int(factor.strip().replace("_", ""))
    return value * {"secs": 1, "mins": 60, "hours": 3600, None: 1}[found[1]]


def parameter(name):
    """The default of a parameter of the template."""
    found = re.search(rf"^  {name}:\n    Type: Number\n    Default: (\d+)", (ROOT / "template.yaml").read_text(), re.M)
    assert found, f"the template has no parameter {name}"
    return int(found[1])


SHARDS = constant("shared/aws/src/store/keys.rs", "SHARDS")
INLINE = constant("shared/aws/src/queues/message.rs", "INLINE")
BATCH = constant("shared/aws/src/queues/message.rs", "MOST")
SENDS_AT_ONCE = constant("shared/aws/src/queues/sending.rs", "BATCHES")
LEASE = constant("shared/core/src/use_cases/fan_out.rs", "LEASE")
PAGE = constant("shared/core/src/use_cases/fan_out.rs", "PAGE")
MAX_EVENTS = constant("shared/core/src/use_cases/publish.rs", "MAX_EVENTS")
HOP = constant("shared/aws/src/queues/sqs_queues.rs", "MAX_DELAY")
RUN_HOURS = cost.RUN_HOURS


def limits():
    """What ends, how many a second, how that is computed, and what to do."""
    delivery, fan_out = parameter("DeliveryConcurrency"), parameter("FanOutConcurrency")
    delivery_batch, fan_out_batch = parameter("DeliveryBatchSize"), parameter("FanOutBatchSize")
    writes = cost.EVENT["write_units"] + cost.DELIVERY["write_units"]
    wide_send = SENDS_AT_ONCE * BATCH / SEND_SECONDS
    inside = wide_send * parameter("FanOutTimeout")
    return [
        ("account: events published", MAX_EVENTS * PARTITION_READS,
         f"its item is read once a call: {PARTITION_READS:,} calls of up to {MAX_EVENTS} events",
         "publish many events in a call; over SQS and EventBridge nothing is read"),
        ("account: events fanned out", PARTITION_READS * fan_out_batch,
         f"its patterns are read once for a batch of {fan_out_batch}, at one unit for each 4 KiB: {PARTITION_READS:,} units of one partition",
         "few and short patterns; give publishers accounts of their own"),
        ("account: deliveries", 2 * PARTITION_READS * delivery_batch,
         f"its item is read once for a batch of {delivery_batch}, eventually consistent, at half a unit: {PARTITION_READS:,} ÷ ½",
         "give publishers accounts of their own"),
        ("account: deliveries with a policy", PARTITION_READS * delivery_batch,
         f"each policy is read once for a batch of {delivery_batch}, at one unit: {PARTITION_READS:,} units of one partition",
         "signatures by HMAC, which need no policy"),
        ("account: failed attempts", SHARDS * PARTITION_WRITES,
         f"what is no success is listed by day, in {SHARDS} shards of {PARTITION_WRITES:,} units", "more shards: `SHARDS` in `keys.rs`"),
        ("webhook: deliveries", PARTITION_READS * delivery_batch,
         f"its state and health are read once for a batch of {delivery_batch}, at one unit: {PARTITION_READS:,} units of one partition",
         "a second webhook for half of the events"),
        ("webhook: records", SHARDS * PARTITION_WRITES,
         f"{SHARDS} shards of {PARTITION_WRITES:,} units, one for each record", "more shards: `SHARDS` in `keys.rs`"),
        ("endpoint host: messages that wait", PARTITION_WRITES * delivery_batch,
         f"one count for each batch of {delivery_batch}: {PARTITION_WRITES:,} units of one partition",
         f"none needed: a message comes round once in {HOP // 60} minutes, so {PARTITION_WRITES * delivery_batch * HOP:,} may wait"),
        ("token: calls", PARTITION_WRITES, f"each is counted in one item: {PARTITION_WRITES:,} units; publishing is not counted", "more tokens"),
        ("event: webhooks in one invocation", inside,
         f"{SENDS_AT_ONCE} calls of {BATCH} at once, {SEND_SECONDS * 1000:.0f} ms each, for {parameter('FanOutTimeout')} s; not a second but in all",
         f"none needed: it goes on at its mark, set every {PAGE}, when its lease of {LEASE} s is over"),
        ("deployment: events fanned out, by default", fan_out * fan_out_batch / (fan_out_batch * FANOUT_SECONDS),
         f"{fan_out} invocations, {FANOUT_SECONDS * 1000:.0f} ms an event", "`FanOutConcurrency`"),
        ("deployment: deliveries, by default", delivery * delivery_batch / DELIVERY_SECONDS,
         f"{delivery} invocations of {delivery_batch} messages at once, {DELIVERY_SECONDS * 1000:.0f} ms each", "`DeliveryConcurrency`"),
        ("deployment: deliveries, at most", min(MAPPING_CONCURRENCY * delivery_batch, IN_FLIGHT) / DELIVERY_SECONDS,
         f"a mapping has {MAPPING_CONCURRENCY:,} invocations at most; {IN_FLIGHT:,} messages of a queue may be in flight", "a second deployment"),
        ("deployment: events with one delivery", TABLE_WRITES / writes,
         f"{writes:g} units written for each, of {TABLE_WRITES:,} that a table takes", "have the table's quota raised"),
        ("deployment: requests, by default", parameter("ApiRequestsPerSecond"), "the stage's own limit", "`ApiRequestsPerSecond`, `ApiBurst`"),
        ("deployment: requests, at most", API_REQUESTS, "the account's limit in the Region", "have it raised"),
        ("deployment: data keys opened", KMS_REQUESTS, "once an hour for each account and process", "have KMS's quota raised"),
    ]  # fmt: skip


def table():
    yield "| what | a second | because | then |"
    yield "|---|---|---|---|"
    for what, most, because, then in limits():
        yield f"| {what} | {most:,.0f} | {because} | {then} |"


def main():
    if "--markdown" in sys.argv:
        print("\n".join(table()))
        return
    for what, most, because, then in limits():
        print(f"{what:<44}{most:>12,.0f}   {because}")
    print(f"\nA payload of more than {INLINE:,} bytes is read from the table for each delivery: one unit more for each 4 KiB.")


if __name__ == "__main__":
    main()
