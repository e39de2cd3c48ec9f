"""What API Gateway demands of an HTTP API."""

import re

from .resolve import of_type

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace", "x-amazon-apigateway-any-method"}
VARIABLE = re.compile(r"\{[A-Za-z0-9._:-]+\+?\}")
# Exported definitions have the one, those that SAM makes the other.
DEFAULT = ("/$default", "$default")
ROUTES_PER_API = INTEGRATIONS_PER_API = 300
LONGEST_TIMEOUT = 30_000


def bodies(whole):
    return [(name, of["Body"]) for name, of in of_type(whole, "AWS::ApiGatewayV2::Api") if "Body" in of]


def operations(body):
    """Path, method and operation of all routes of a document."""
    for path, methods in body.get("paths", {}).items():
        for method, operation in methods.items():
            yield path, method, operation


def keys(whole):
    """Where each route key is written, and the key."""
    for name, of in of_type(whole, "AWS::ApiGatewayV2::Route"):
        yield name, of["RouteKey"]
    for name, body in bodies(whole):
        for path, method, _ in operations(body):
            verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            yield name, "$default" if path in DEFAULT else f"{verb} {path}"


def integrations(whole):
    """Where each integration is written, and its payload format, timeout and address."""
    for name, of in of_type(whole, "AWS::ApiGatewayV2::Integration"):
        yield name, of.get("PayloadFormatVersion"), of.get("TimeoutInMillis"), of.get("IntegrationUri")
    for name, body in bodies(whole):
        shared = body.get("components", {}).get("x-amazon-apigateway-integrations", {})
        alone = [operation.get("x-amazon-apigateway-integration", {}) for _, _, operation in operations(body)]
        for of in [*shared.values(), *(of for of in alone if "$ref" not in of)]:
            yield name, of.get("payloadFormatVersion"), of.get("timeoutInMillis"), of.get("uri")


def route_keys(whole):
    """A key is `$default` or a method and a path that does not end in a slash, with a greedy variable only at its end.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html says what a key is; that a
    trailing slash is refused, or silently left out of an import, is reported in
    https://github.com/storacha/w3infra/pull/166 and https://github.com/aws/serverless-application-model/issues/1949
    """
    seen = set()
    for where, key in keys(whole):
        if key in seen:
            yield f"{where}: the route {key!r} is there twice"
        seen.add(key)
        if key == "$default":
            continue
        verb, _, path = key.partition(" ")
        if verb != "ANY" and verb.lower() not in METHODS:
            yield f"{where}: {key!r} has no method"
        if not path.startswith("/"):
            yield f"{where}: the path of {key!r} does not begin with a slash"
        if path.endswith("/") and path != "/":
            yield f"{where}: {key!r} ends in a slash"
        segments = path.split("/")[1:]
        for place, segment in enumerate(segments):
            if ("{" in segment or "}" in segment) and not VARIABLE.fullmatch(segment):
                yield f"{where}: {segment!r} in {key!r} is neither text nor a variable"
            if segment.endswith("+}") and place + 1 < len(segments):
                yield f"{where}: {segment!r} in {key!r} is greedy, and not at the end"
        variables = [segment for segment in segments if segment.startswith("{")]
        if len(variables) != len(set(variables)):
            yield f"{where}: a variable of {key!r} is there twice"


def quotas(whole):
    """300 routes and 300 integrations an API, 10 stages, and 30 seconds for an integration.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
    """
    for count, most, what in (
        (len(list(keys(whole))), ROUTES_PER_API, "routes"),
        (len(list(integrations(whole))), INTEGRATIONS_PER_API, "integrations"),
        (len(of_type(whole, "AWS::ApiGatewayV2::Stage")), 10, "stages"),
    ):
        if count > most:
            yield f"{count} {what} are more than {most}"
    for where, _, timeout, _ in integrations(whole):
        if timeout is not None and not 50 <= int(timeout) <= LONGEST_TIMEOUT:
            yield f"{where}: a timeout of {timeout} ms is not between 50 and {LONGEST_TIMEOUT}"


def document(whole):
    """An imported definition is OpenAPI 3.0, describes the whole API by itself, and each operation has an integration.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-api.html: with a Body there
    are no routes, integrations or authorizers as resources, and neither a name nor a protocol.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-extensions-integrations.html: how integrations are
    shared by reference.
    """
    for name, body in bodies(whole):
        if not re.fullmatch(r"3\.0\.\d", str(body.get("openapi"))):
            yield f"{name}: the document is not OpenAPI 3.0"
        if not body.get("info", {}).get("title") or not body["info"].get("version"):
            yield f"{name}: the document has no title or no version"
        for kind in ("Route", "Integration", "Authorizer"):
            if of_type(whole, f"AWS::ApiGatewayV2::{kind}"):
                yield f"{name}: an API with a Body cannot have resources of the type {kind}"
        for property in ("Name", "ProtocolType", "RouteKey", "Target", "CorsConfiguration"):
            if property in dict(of_type(whole, "AWS::ApiGatewayV2::Api"))[name]:
                yield f"{name}: {property} is said by the Body"
        for path, method, operation in operations(body):
            if method not in METHODS:
                yield f"{name}: {method!r} of {path} is no method"
            found = operation.get("x-amazon-apigateway-integration")
            if found and "$ref" in found:
                of = body
                for part in found["$ref"].removeprefix("#/").split("/"):
                    of = of.get(part, {})
                found = of
            if not found:
                yield f"{name}: {path} has no integration"
            elif not {"type", "uri", "payloadFormatVersion"} <= set(found):
                yield f"{name}: the integration of {path} lacks a type, an address or a payload format"
            elif found["type"].lower() == "aws_proxy" and found.get("httpMethod") != "POST":
                yield f"{name}: Lambda is invoked by POST, in {path}"
            if (path in DEFAULT) != bool(operation.get("isDefaultRoute")):
                yield f"{name}: {path} is the default route by its path or its mark alone"


def permissions(whole):
    """Each function that an API calls allows it: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html"""
    called = {re.search(r"function:([^/:]+)", str(uri))[1] for _, _, _, uri in integrations(whole) if "function:" in str(uri)}
    allowed = {
        of["FunctionName"].partition("function:")[2].partition(":")[0] or of["FunctionName"].partition(":")[0]
        for _, of in of_type(whole, "AWS::Lambda::Permission")
        if of["Principal"] == "apigateway.amazonaws.com" and of["Action"] == "lambda:InvokeFunction"
    }
    names = {of["FunctionName"]: name for name, of in of_type(whole, "AWS::Lambda::Function") if "FunctionName" in of}
    allowed |= {name for name, id in names.items() if id in allowed}
    for function in sorted(called - allowed - {names.get(name) for name in allowed}):
        yield f"{function} is called by the API and does not allow it"
