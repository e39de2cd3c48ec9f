"""What the stand-in for CloudFormation lacks: an API is made of its Body, and what AWS refuses is refused.

A resource is checked, before it is made or changed, by the rules that can be asked of one resource with all values known.
"""

from aws_rules import api, functions, names, queues
from ministack.services.cloudformation import provisioners

RULES = [
    api.route_keys, api.quotas, api.document, names.names, names.policy_names, queues.attributes, functions.environment,
    functions.limits,
]  # fmt: skip
API, ALARM = "AWS::ApiGatewayV2::Api", "AWS::CloudWatch::Alarm"


def refusal(kind, name, properties):
    """What AWS would say to a resource; empty if nothing."""
    template = {"Resources": {name: {"Type": kind, "Properties": properties}}}
    return "; ".join(text for rule in RULES for text in rule(template))


def routes(api_id, body):
    """Makes the routes and integrations of a definition, in the place of those that are there."""
    gateway = provisioners._apigw_v2
    gateway._routes[api_id], gateway._integrations[api_id] = {}, {}
    shared = body.get("components", {}).get("x-amazon-apigateway-integrations", {})
    made = {}
    for path, method, operation in api.operations(body):
        integration = operation["x-amazon-apigateway-integration"]
        name = integration.get("$ref", path).rpartition("/")[2]
        if name not in made:
            of = shared.get(name, integration)
            properties = {
                "ApiId": api_id, "IntegrationType": of["type"].upper(), "IntegrationUri": of["uri"],
                "PayloadFormatVersion": of["payloadFormatVersion"], "TimeoutInMillis": of.get("timeoutInMillis", 30_000),
            }  # fmt: skip
            made[name], _ = provisioners._apigw_v2_integration_create(name, properties, "")
        verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
        key = "$default" if operation.get("isDefaultRoute") else f"{verb} {path}"
        route = {"ApiId": api_id, "RouteKey": key, "Target": f"integrations/{made[name]}"}
        provisioners._apigw_v2_route_create(key, route, "")


def watched(kind, properties):
    """The stand-in has no expressions of metrics: an alarm on one watches the first of its metrics there."""
    if kind != ALARM or "Metrics" not in properties:
        return properties
    stat = next(one["MetricStat"] for one in properties["Metrics"] if "MetricStat" in one)
    single = stat["Metric"] | {"Period": stat["Period"], "Statistic": stat["Stat"]}
    return {name: of for name, of in properties.items() if name != "Metrics"} | single


def install():
    """Puts both in front of the stand-in."""
    for kind, handler in provisioners._RESOURCE_HANDLERS.items():
        provisioners._RESOURCE_HANDLERS[kind] = checked(kind, handler)


def checked(kind, handler):
    create, update = handler["create"], handler.get("update")

    def refuse(name, properties):
        if found := refusal(kind, name, properties):
            raise ValueError(found)

    def created(logical_id, properties, *rest):
        refuse(logical_id, properties)
        made = create(logical_id, watched(kind, properties), *rest)
        if kind == API and "Body" in properties:
            routes(made[0], properties["Body"])
        return made

    def updated(physical_id, old, new, *rest, **more):
        refuse(physical_id, new)
        made = update(physical_id, watched(kind, old), watched(kind, new), *rest, **more)
        if kind == API and "Body" in new:
            routes(made[0], new["Body"])
        return made

    return handler | {"create": created} | ({"update": updated} if update else {})
