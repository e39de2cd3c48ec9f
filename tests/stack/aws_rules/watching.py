"""What CloudWatch demands of alarms and dashboards: that there are such metrics."""

import json
import pathlib
import re

from .resolve import of_type

QUEUE, FUNCTION, API, TABLE = ["QueueName"], ["FunctionName"], ["ApiId"], ["TableName"]
# Namespace: metrics, and the sets of dimensions under which they are published.
METRICS = {
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    "AWS/SQS": (
        {
            "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed", "NumberOfMessagesSent", "NumberOfMessagesReceived", "NumberOfMessagesDeleted",
            "NumberOfEmptyReceives", "SentMessageSize", "ApproximateNumberOfNoisyGroups",
            "ApproximateAgeOfOldestMessageInQuietGroups", "ApproximateNumberOfMessagesVisibleInQuietGroups",
        },
        [QUEUE],
    ),
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    "AWS/Lambda": (
        {
            "Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions", "DeadLetterErrors",
            "RecursiveInvocationsDropped", "UnreservedConcurrentExecutions", "AsyncEventAge", "AsyncEventsDropped",
        },
        [FUNCTION, ["FunctionName", "Resource"], []],
    ),
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
    "AWS/ApiGateway": ({"Count", "4xx", "5xx", "Latency", "IntegrationLatency", "DataProcessed"}, [API, ["ApiId", "Stage"]]),
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    "AWS/DynamoDB": (
        {"ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents", "ConditionalCheckFailedRequests", "TransactionConflict"},
        [TABLE],
    ),
    # https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-cloudwatch.html
    "AWS/SES": ({"Send", "Delivery", "Bounce", "Complaint", "Reject", "Reputation.BounceRate", "Reputation.ComplaintRate"}, [[]]),
}  # fmt: skip
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
STATISTIC = re.compile(r"SampleCount|Average|Sum|Minimum|Maximum|IQM|p\d{1,2}(\.\d+)?|tm\d+|(TM|TC|TS|PR|WM)\(.*\)")
COMPARISONS = {"GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"}
OWN = pathlib.Path(__file__).resolve().parents[3] / "shared/aws/src/lambda/metrics.rs"


def own():
    """Our namespace, and the metrics that our functions write with the dimensions of each."""
    code = OWN.read_text()
    instruments = re.findall(r'Instrument\("(\w+)", "(\w*)"\)', code)
    return re.search(r'NAMESPACE: &str = "(\w+)"', code)[1], {name: ["Deployment", *filter(None, [label])] for name, label in instruments}


def unknown(where, namespace, metric, dimensions):
    ours, instruments = own()
    if namespace == ours:
        names, sets = set(instruments), [instruments.get(metric, dimensions)]
    elif namespace in METRICS:
        names, sets = METRICS[namespace]
    else:
        yield f"{where}: there is no namespace {namespace}"
        return
    if metric not in names:
        yield f"{where}: {namespace} has no metric {metric}"
    if sorted(dimensions) not in [sorted(one) for one in sets]:
        yield f"{where}: {metric} of {namespace} is not published for {dimensions}"


def alarms(whole):
    """An alarm watches a metric that is published, under dimensions that it is published under (sources in the table), and
    has a period that exists: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    """
    for name, of in of_type(whole, "AWS::CloudWatch::Alarm"):
        single = [of] if "MetricName" in of else []
        stats = [one["MetricStat"] for one in of.get("Metrics", []) if "MetricStat" in one]
        single += [stat["Metric"] | {"Period": stat["Period"], "Statistic": stat["Stat"]} for stat in stats]
        if not single:
            yield f"{name}: it watches no metric"
        for one in single:
            yield from unknown(name, one["Namespace"], one["MetricName"], [d["Name"] for d in one.get("Dimensions", [])])
            period = int(one["Period"])
            if period not in (10, 20, 30) and (period < 60 or period % 60):
                yield f"{name}: a period of {period} s does not exist"
            span = period * int(of["EvaluationPeriods"])
            if span > (604_800 if period >= 3600 else 86_400):
                yield f"{name}: it looks back {span} s, which is too long"
            if not STATISTIC.fullmatch(one.get("Statistic") or one.get("ExtendedStatistic", "")):
                yield f"{name}: there is no such statistic"
        if of["ComparisonOperator"] not in COMPARISONS:
            yield f"{name}: there is no comparison {of['ComparisonOperator']}"
        if int(of.get("DatapointsToAlarm", 1)) > int(of["EvaluationPeriods"]):
            yield f"{name}: it waits for more points than it looks at"
        ids = [one["Id"] for one in of.get("Metrics", [])]
        if any(not re.fullmatch(r"[a-z]\w*", id) for id in ids) or len(ids) != len(set(ids)):
            yield f"{name}: the ids of its metrics are wrong"
        if of.get("Metrics") and sum(one.get("ReturnData", True) for one in of["Metrics"]) != 1:
            yield f"{name}: exactly one of its metrics must return data"


def dashboards(whole):
    """A dashboard shows metrics that are published, within a grid of 24 columns and at most 500 of them a widget:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
    """
    for name, of in of_type(whole, "AWS::CloudWatch::Dashboard"):
        try:
            widgets = json.loads(of["DashboardBody"])["widgets"]
        except ValueError as error:
            yield f"{name}: its body is no JSON: {error}"
            continue
        for widget in widgets:
            title = f"{name}, {widget['properties'].get('title')}"
            if widget["x"] + widget["width"] > 24:
                yield f"{title}: it is wider than the grid"
            metrics = widget["properties"].get("metrics", [])
            if len(metrics) > 500:
                yield f"{title}: it has more than 500 metrics"
            for metric in metrics:
                texts = [part for part in metric if isinstance(part, str)]
                if texts:
                    yield from unknown(title, texts[0], texts[1], texts[2::2])
