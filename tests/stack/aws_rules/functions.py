"""What Lambda demands of a function."""

import re

from .resolve import of_type

ENVIRONMENT_BYTES = 4_096
RESERVED = re.compile(r"AWS_|_HANDLER$|_X_AMZN_TRACE_ID$|TZ$|LAMBDA_")


def environment(whole):
    """Names and values of all variables have at most 4 KiB together, a name has letters, digits and underscores, and is
    not reserved: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html and
    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    for name, of in of_type(whole, "AWS::Lambda::Function"):
        variables = of.get("Environment", {}).get("Variables", {})
        size = sum(len(key.encode()) + len(str(value).encode()) for key, value in variables.items())
        if size > ENVIRONMENT_BYTES:
            yield f"{name}: its variables have {size} bytes, more than {ENVIRONMENT_BYTES}"
        for key in variables:
            if not re.fullmatch(r"[A-Za-z]\w+", key) or RESERVED.match(key):
                yield f"{name}: {key!r} is no name of a variable"


def limits(whole):
    """Memory, timeout and temporary storage: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    for name, of in of_type(whole, "AWS::Lambda::Function"):
        for property, least, most in (("MemorySize", 128, 10_240), ("Timeout", 1, 900)):
            if property in of and not least <= int(of[property]) <= most:
                yield f"{name}: {property} of {of[property]} is not between {least} and {most}"


def report_lines(whole):
    """The lines that say what an invocation took are logged at the level INFO, by functions that log JSON:
    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
    """
    for name, of in of_type(whole, "AWS::Lambda::Function"):
        logging = of.get("LoggingConfig", {})
        if logging.get("SystemLogLevel", "INFO") == "WARN":
            yield f"{name}: SystemLogLevel WARN drops the REPORT lines"
        if logging.get("LogFormat") != "JSON" and {"SystemLogLevel", "ApplicationLogLevel"} & set(logging):
            yield f"{name}: a log level needs the format JSON"


def durations(whole):
    """A function behind an HTTP API answers before the API gives up, which is after at most 30 seconds:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
    """
    from .api import LONGEST_TIMEOUT, integrations

    functions = {of.get("FunctionName", name): (name, of) for name, of in of_type(whole, "AWS::Lambda::Function")}
    functions |= {name: (name, of) for name, of in of_type(whole, "AWS::Lambda::Function")}
    for _, _, timeout, uri in integrations(whole):
        target = re.search(r"function:([^/:]+)", str(uri))
        if target and target[1] in functions:
            name, of = functions[target[1]]
            if int(of.get("Timeout", 3)) * 1000 > int(timeout or LONGEST_TIMEOUT):
                yield f"{name}: it may take {of['Timeout']} s, longer than the API waits"
