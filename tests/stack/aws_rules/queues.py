"""What SQS, and Lambda that takes messages from it, demand."""

from .resolve import of_type

RANGES = {"VisibilityTimeout": (0, 43_200), "MessageRetentionPeriod": (60, 1_209_600), "MaximumMessageSize": (1024, 1_048_576), "DelaySeconds": (0, 900)}


def by_arn(whole, kind):
    """The resources of a type by the end of their ARN."""
    return {name: of for name, of in of_type(whole, kind)}


def mappings(whole):
    """Each mapping of a queue to a function: its name, properties, queue and function."""
    queues, functions = by_arn(whole, "AWS::SQS::Queue"), by_arn(whole, "AWS::Lambda::Function")
    named = {of.get("FunctionName"): of for of in functions.values()}
    for name, of in of_type(whole, "AWS::Lambda::EventSourceMapping"):
        queue = queues.get(of["EventSourceArn"].rpartition(":")[2])
        target = of["FunctionName"].partition("function:")[2] or of["FunctionName"]
        target = target.partition(":")[0]
        aliased = dict(of_type(whole, "AWS::Lambda::Alias")).get(target, {}).get("FunctionName", target)
        yield name, of, queue, functions.get(aliased) or named.get(aliased)


def visibility(whole):
    """A message stays hidden for six times the function's timeout and the batching window, and never for less than the
    timeout, which Lambda refuses: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    for name, of, queue, function in mappings(whole):
        if queue is None or function is None:
            yield f"{name}: its queue or its function is not in the template"
            continue
        hidden, timeout = int(queue.get("VisibilityTimeout", 30)), int(function.get("Timeout", 3))
        window = int(of.get("MaximumBatchingWindowInSeconds", 0))
        if hidden < 6 * timeout + window:
            yield f"{name}: hidden for {hidden} s is less than six times {timeout} s and the window of {window} s"


def batches(whole):
    """More than ten messages need a window; a window has up to 300 s, a batch up to 10,000 messages; at most 1,000
    invocations at once and no fewer than 2: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html and
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
    """
    for name, of, _, _ in mappings(whole):
        size, window = int(of.get("BatchSize", 10)), int(of.get("MaximumBatchingWindowInSeconds", 0))
        if not 1 <= size <= 10_000 or not 0 <= window <= 300:
            yield f"{name}: a batch of {size} or a window of {window} s does not exist"
        if size > 10 and window < 1:
            yield f"{name}: a batch of {size} needs a window"
        most = of.get("ScalingConfig", {}).get("MaximumConcurrency")
        if most is not None and not 2 <= int(most) <= 1000:
            yield f"{name}: {most} invocations at once is not between 2 and 1000"


def attributes(whole):
    """Times and sizes of a queue: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"""
    for name, of in of_type(whole, "AWS::SQS::Queue"):
        for property, (least, most) in RANGES.items():
            if property in of and not least <= int(of[property]) <= most:
                yield f"{name}: {property} of {of[property]} is not between {least} and {most}"


def dead_letters(whole):
    """A dead letter keeps the age of its message, so its queue keeps longer than the source; Lambda wants at least five
    receives: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html and
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    queues = by_arn(whole, "AWS::SQS::Queue")
    for name, of in queues.items():
        redrive = of.get("RedrivePolicy")
        if not redrive:
            continue
        target = queues.get(redrive["deadLetterTargetArn"].rpartition(":")[2])
        if target is None:
            yield f"{name}: its dead letters go to no queue of the template"
        elif int(target.get("MessageRetentionPeriod", 345_600)) <= int(of.get("MessageRetentionPeriod", 345_600)):
            yield f"{name}: its dead letters are kept no longer than its messages"
        if int(redrive["maxReceiveCount"]) < 5:
            yield f"{name}: {redrive['maxReceiveCount']} receives are fewer than five"
