"""The template keeps AWS's rules, and each rule catches a template that breaks it."""

import copy
import unittest

import aws_rules
from aws_rules import api, functions, iam, names, queues, schemas, stacks, watching
from template import load, transformed

PARAMETERS = {"MailSender": "hooks@example.com"}
# Every condition once true: what is made only on demand keeps the rules too.
EVERYTHING = PARAMETERS | {
    "DomainName": "hooks.example.com", "CertificateArn": "arn:aws:acm:us-east-1:111122223333:certificate/1", "Tracing": "on",
    "MasterKeyArn": "arn:aws:kms:us-east-1:111122223333:key/1", "AlarmMail": "ops@example.com", "MailIdentity": "domain",
    "MailConfigurationSet": "hooks", "DeploymentName": "before", "ExistingTable": "restored", "ExistingAttachments": "restored-files",
    "OlderMasterKeys": "arn:aws:kms:us-east-1:111122223333:key/2,arn:aws:kms:us-east-1:111122223333:key/3", "PermissionsBoundary": "arn:aws:iam::111122223333:policy/bound",
}  # fmt: skip
TEMPLATE = transformed(load())
RULES = aws_rules.RESOLVED + aws_rules.AS_IT_IS


def properties(template, name):
    return template["Resources"][name]["Properties"]


def body(template):
    return properties(template, "Api")["Body"]


def path(written, **operation):
    """A further path of the API."""
    integration = {"type": "aws_proxy", "httpMethod": "POST", "payloadFormatVersion": "2.0", "uri": "arn:aws:lambda:x"}

    def broken(template):
        made = {"x-amazon-apigateway-integration": integration} | operation
        body(template)["paths"][written] = {"x-amazon-apigateway-any-method": made}

    return broken


def to(name, value, *place):
    """A property of a resource with another value; a place in it with a name or a number for each step."""

    def broken(template):
        of = template["Resources"][name]
        for step in ("Properties", *place[:-1]):
            of = of[step]
        of[place[-1]] = value

    return broken


def statement(name, **fields):
    """The first statement of a role with other fields."""

    def broken(template):
        properties(template, name)["Policies"][0]["PolicyDocument"]["Statement"][0].update(fields)

    return broken


def widget(**fields):
    """The first widget of the dashboard with another metric or place."""

    def broken(template):
        text, variables = properties(template, "Dashboard")["DashboardBody"]["Fn::Sub"]
        for old, new in fields.values():
            assert old in text
            text = text.replace(old, new, 1)
        properties(template, "Dashboard")["DashboardBody"] = {"Fn::Sub": [text, variables]}

    return broken


def many(part, count, one):
    def broken(template):
        template[part] |= {f"More{number}": one for number in range(count)}

    return broken


def circle(template):
    template["Resources"]["Table"]["DependsOn"] = "Api"
    body(template)["info"]["description"] = {"Ref": "Delivery"}


def missing_permission(template):
    del template["Resources"]["EventsApiPermission"]


LONG = {"Fn::Sub": "${AWS::StackName}-a-name-that-is-too-long"}
TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {}}
BROKEN = {
    api.route_keys: [
        path("/events/"), path("/v1/events.json/"), path("events"), path("/a{b}"), path("/{rest+}/more"), path("/{a}/{a}"),
    ],
    api.quotas: [
        lambda template: [path(f"/more/{number}")(template) for number in range(300)],
        lambda template: next(iter(body(template)["components"]["x-amazon-apigateway-integrations"].values())).update(timeoutInMillis=31_000),
    ],
    api.document: [
        lambda template: body(template).update(openapi="3.1.0"),
        lambda template: body(template)["info"].pop("title"),
        to("Api", "hookline", "Name"),
        lambda template: template["Resources"].update(More={"Type": "AWS::ApiGatewayV2::Route", "Properties": {"RouteKey": "GET /"}}),
        path("/more", **{"x-amazon-apigateway-integration": {"$ref": "#/components/x-amazon-apigateway-integrations/none"}}),
        path("/more", isDefaultRoute=True),
        lambda template: body(template)["paths"]["$default"]["x-amazon-apigateway-any-method"].pop("isDefaultRoute"),
    ],
    api.permissions: [missing_permission],
    names.names: [
        to("Delivery", LONG, "FunctionName"),
        to("Bus", "a bus", "Name"),
        to("KeyAlias", "alias/aws/mine", "AliasName"),
        to("Dashboard", "a.b", "DashboardName"),
        to("LagAlarm", "x" * 1025, "AlarmDescription"),
        lambda template: body(template)["info"].update(title="x" * 129),
    ],
    names.policy_names: [to("AdminRole", "a b", "Policies", 0, "PolicyName")],
    queues.visibility: [to("DeliveriesQueue", 269, "VisibilityTimeout"), to("DeliveryDeliveries", 31, "MaximumBatchingWindowInSeconds"), to("Delivery", 51, "Timeout")],
    queues.batches: [
        to("DeliveryDeliveries", 11, "BatchSize"),
        to("DeliveryDeliveries", 301, "MaximumBatchingWindowInSeconds"),
        to("DeliveryDeliveries", {"MaximumConcurrency": 1}, "ScalingConfig"),
    ],
    queues.attributes: [to("EventsQueue", 1_209_601, "MessageRetentionPeriod"), to("EventsQueue", 2_000_000, "MaximumMessageSize")],
    queues.dead_letters: [
        to("EventsDeadLetters", 345_600, "MessageRetentionPeriod"), to("EventsQueue", 4, "RedrivePolicy", "maxReceiveCount"),
    ],
    iam.actions: [
        statement("DeliveryRole", Action=["dynamodb:GetItems"]),
        statement("DeliveryRole", Action=["sqs:SendMessageBatch"]),
        statement("DeliveryRole", Action=["sqs:SendMessage"]),
        statement("DeliveryRole", Action=["xray:PutTraceSegments"]),
        statement("DeliveryRole", Action=["s3:GetObject"], Resource={"Fn::GetAtt": ["Uploads", "Arn"]}),
        statement("DeliveryRole", Action=["s3:ListBucket"], Resource={"Fn::Sub": "${Uploads.Arn}/*"}),
    ],
    iam.conditions: [
        statement("DeliveryRole", Condition={"StringEqual": {"aws:SourceAccount": "1"}}),
        statement("DeliveryRole", Condition={"StringEquals": {"dynamodb:LeadingKey": "1"}}),
        statement("DeliveryRole", Condition={"StringEquals": {"ses:FromAddress": "1"}}),
        statement("AdminRole", Action=["dynamodb:Scan"], Condition={"StringEquals": {"dynamodb:LeadingKeys": "1"}}),
    ],
    iam.sizes: [
        statement("DeliveryRole", Resource=["arn:aws:dynamodb:::table/" + "x" * 10_300]),
        to("Key", {"Version": "2012-10-17", "Statement": [{"Sid": "x" * 33_000}]}, "KeyPolicy"),
    ],
    iam.sids: [statement("DeliveryRole", Sid="a table"), statement("DeliveryRole", Sid="Logs")],
    functions.environment: [
        to("Admin", "x" * 4_000, "Environment", "Variables", "HOOKLINE_TABLE"),
        to("Admin", "x", "Environment", "Variables", "AWS_REGION"),
        to("Admin", "x", "Environment", "Variables", "A-B"),
    ],
    functions.limits: [to("Admin", 64, "MemorySize"), to("Admin", 901, "Timeout")],
    functions.report_lines: [
        to("Admin", "WARN", "LoggingConfig", "SystemLogLevel"), to("Admin", "Text", "LoggingConfig", "LogFormat"),
    ],
    functions.durations: [to("EventsApi", 31, "Timeout")],
    watching.alarms: [
        to("LagAlarm", "Delay", "MetricName"),
        to("LagAlarm", "Hooklines", "Namespace"),
        to("LagAlarm", [{"Name": "Queue", "Value": "x"}], "Dimensions"),
        to("LagAlarm", 90, "Period"),
        to("LagAlarm", 300, "EvaluationPeriods"),
        to("LagAlarm", "Most", "Statistic"),
        to("LagAlarm", "Greater", "ComparisonOperator"),
    ],
    watching.dashboards: [
        widget(metric=('"Messages", "Deployment"', '"Message", "Deployment"')),
        widget(dimension=('"Messages", "Deployment", ', '"Messages", "Stack", ')),
        widget(width=('"width": 8', '"width": 25')),
        widget(json=("{", "[")),
    ],
    stacks.quotas: [
        many("Resources", 500, TOPIC), many("Parameters", 200, {"Type": "String"}), many("Outputs", 200, {"Value": "x"}),
        many("Outputs", 1, {"Value": "x" * 1_048_576}),
    ],
    stacks.rules_of_events: [to("BusRule", [{"Id": "a", "Arn": "b"}] * 6, "Targets")],
    stacks.circles: [circle],
    schemas.schemas: [
        to("Table", "PAY_PER_WEEK", "BillingMode"), to("Table", True, "Deletion"), to("Delivery", "rust", "Runtime"),
        to("DeliveriesQueue", "many", "MessageRetentionPeriod"),
    ],
}  # fmt: skip


def longest():
    """Every text as long as its parameter allows."""
    parameters = {name: of for name, of in TEMPLATE["Parameters"].items() if "MaxLength" in of}
    longest = {name: "x" * int(of["MaxLength"]) for name, of in parameters.items()}
    return EVERYTHING | longest | {"MailSender": "x@" + "y" * (int(parameters["MailSender"]["MaxLength"]) - 2)}


class Rules(unittest.TestCase):
    def test_every_text_of_a_parameter_has_an_end(self):
        for name, of in TEMPLATE["Parameters"].items():
            if of["Type"] == "String" and "AllowedValues" not in of:
                self.assertTrue("MaxLength" in of or name in ("CertificateArn", "AlarmMail", "PermissionsBoundary"), name)

    def test_the_longest_values_fit(self):
        self.assertEqual(aws_rules.broken(TEMPLATE, longest(), [functions.environment, iam.sizes]), [])

    def test_the_template_keeps_them(self):
        for parameters in (PARAMETERS, EVERYTHING):
            self.assertEqual(aws_rules.broken(TEMPLATE, parameters), [])

    def test_each_catches_what_breaks_it(self):
        self.assertEqual(set(BROKEN), set(RULES), "a rule without a template that breaks it")
        for rule, templates in BROKEN.items():
            for number, broken in enumerate(templates):
                template = copy.deepcopy(TEMPLATE)
                broken(template)
                with self.subTest(rule=rule.__name__, number=number):
                    self.assertTrue(aws_rules.broken(template, PARAMETERS, [rule]))

    def test_each_says_where_its_demand_comes_from(self):
        import inspect

        for rule in RULES:
            module = inspect.getsource(inspect.getmodule(rule))
            self.assertTrue("https://" in (rule.__doc__ or "") or "source" in (rule.__doc__ or "").lower() and "https://" in module, rule)


if __name__ == "__main__":
    unittest.main()
