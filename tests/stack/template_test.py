"""What must be true of template.yaml, beside what linters know: rights, queues, routes, and names that the code reads."""

import fnmatch
import json
import re
import unittest

from template import ROOT, load

TEMPLATE = load()
RESOURCES = TEMPLATE["Resources"]
CODE = ROOT / "shared/aws/src"

TABLE = {
    "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem",
    "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem", "dynamodb:BatchWriteItem",
}  # fmt: skip
READ = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}
COUNT = {"dynamodb:PutItem", "dynamodb:UpdateItem"}
FAN_OUT = COUNT | {"dynamodb:BatchWriteItem"}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
TRACING = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
OWN_QUEUE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"}
SEND = {"sqs:SendMessage"}
MAKE_AND_OPEN = {"kms:GenerateDataKeyWithoutPlaintext", "kms:Decrypt"}

# The name under which secrets are sealed: the stack's own, or that of the stack whose table it takes over.
DEPLOYMENT = {"Fn::If": ["HasDeploymentName", {"Ref": "DeploymentName"}, {"Ref": "AWS::StackName"}]}

# The actions that write an item alone or as a part of a transaction or batch.
WRITE = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"}

# Every right of every function: what, and on which resource.
RIGHTS = {
    "WebhooksApi": [
        (TABLE, "Table"), (SEND, "EventsQueue"), (SEND, "DeliveriesQueue"), (MAKE_AND_OPEN, "Key"),
        ({"s3:PutObject", "s3:GetObject"}, "Uploads/*"),
        ({"s3:ListBucket"}, "Uploads"), ({"s3:PutObject", "s3:GetObject", "s3:DeleteObject"}, "Attachments/*"),
    ],
    "PoliciesApi": [(TABLE, "Table"), (MAKE_AND_OPEN, "Key")],
    "DeliveriesApi": [(TABLE, "Table"), (SEND, "DeliveriesQueue")],
    "EventsApi": [(READ, "Table"), (COUNT, "Table"), (SEND, "EventsQueue")],
    "EventFanout": [
        (READ, "Table"), (FAN_OUT, "Table"), (OWN_QUEUE, "EventsQueue"), (SEND, "DeliveriesQueue"), (SEND, "EventsDeadLetters"),
    ],
    "Delivery": [
        (TABLE, "Table"), (OWN_QUEUE, "DeliveriesQueue"), (SEND, "DeliveriesQueue"), (SEND, "DeliveriesDeadLetters"),
        ({"kms:Decrypt"}, "Key"), ({"ses:SendEmail"}, "identity/*"),
    ],
    "Admin": [
        (TABLE | {"dynamodb:Scan"}, "Table"),
        ({"sqs:ReceiveMessage", "sqs:DeleteMessage"}, "EventsDeadLetters DeliveriesDeadLetters"),
        (SEND, "EventsQueue DeliveriesQueue"), ({"kms:Decrypt", "kms:Encrypt"}, "Key"),
        ({"s3:ListBucket"}, "Attachments"), ({"s3:DeleteObject"}, "Attachments/*"),
    ],
}  # fmt: skip

# Which of our adapters makes which calls of AWS's SDKs, and the action that each of them needs.
ADAPTERS = {
    "store/dynamo/table.rs": {
        "get_item": "dynamodb:GetItem", "query": "dynamodb:Query", "put_item": "dynamodb:PutItem",
        "update_item": "dynamodb:UpdateItem", "delete_item": "dynamodb:DeleteItem",
        "transact_write_items": "dynamodb:ConditionCheckItem",
    },
    "store/dynamo/batch.rs": {
        "batch_get_item": "dynamodb:BatchGetItem", "batch_write_item": "dynamodb:BatchWriteItem", "scan": "dynamodb:Scan",
    },
    "queues/sending.rs": {"send_message_batch": "sqs:SendMessage"},
    "queues/dead_letters.rs": {"receive_message": "sqs:ReceiveMessage", "delete_message": "sqs:DeleteMessage"},
    "lambda/source_queue.rs": {"change_message_visibility": "sqs:ChangeMessageVisibility"},
    "vault.rs": {
        "generate_data_key_without_plaintext": "kms:GenerateDataKeyWithoutPlaintext", "decrypt": "kms:Decrypt",
        "encrypt": "kms:Encrypt",
    },
    "mailer.rs": {"send_email": "ses:SendEmail"},
    # A form and a link are signed, and used with the rights of who signed them.
    "attachments/s3_attachments.rs": {
        "list_objects_v2": "s3:ListBucket", "delete_object": "s3:DeleteObject", "head_object": "s3:GetObject s3:ListBucket",
        "copy_object": "s3:GetObject s3:PutObject", "get_object": "s3:GetObject",
    },
}  # fmt: skip
# Our client of S3 has a method for each operation that it calls.
SDK_CALL = re.compile(r"\b(?:(?:client|dynamodb|sqs|kms|ses)\s*\.\s*(?=\w+\(\))|s3\s*\.\s*(?=\w+_object))([a-z0-9_]+)")


def of_type(kind):
    return {name: resource for name, resource in RESOURCES.items() if resource["Type"] == kind}


FUNCTIONS = of_type("AWS::Serverless::Function")


def statements(function):
    """The statements of a function's role, those of tracing apart."""
    (policy,) = RESOURCES[f"{function}Role"]["Properties"]["Policies"]
    return [s.get("Fn::If", [None, s])[1] for s in policy["PolicyDocument"]["Statement"]]


# The statements that name the items which a function writes, or which it does not.
OWN = ("Calls", "EventsAndRecords", "NotItsOwn")


def own_keys(keys, *nouns):
    """Those of the keys whose noun is one of these."""
    return {key for key in keys for word in key.split()[:2] if word in nouns}


def names_in(value):
    """The resources that a value is about."""
    if isinstance(value, list):
        return " ".join(filter(None, map(names_in, value)))
    if isinstance(value, dict):
        ((form, of),) = value.items()
        if form == "Fn::GetAtt":
            return of[0]
        if form == "Fn::Sub":
            return (re.findall(r"identity/\*$", of) or [re.sub(r"\$\{(\w+)\.Arn\}", r"\1", of)])[0]
        if form == "Fn::If":
            # What the stack makes is in the third place, in that of something to take over.
            return names_in(of[2]) if of[0] in ("HasTable", "HasAttachments") else ""
        if form == "Fn::Split":
            return of[1]["Ref"]
    return str(value)


class Rights(unittest.TestCase):
    def test_each_role_allows_what_is_listed_and_nothing_else(self):
        self.assertEqual(set(FUNCTIONS), set(RIGHTS))
        for function, rights in RIGHTS.items():
            expected = [(actions, on) for actions, on in rights] + [(LOGS, f"{function}Logs"), (TRACING, "*")]
            if any(on == "Key" for _, on in rights):
                expected.append(({"kms:Decrypt"}, "OlderMasterKeys"))
            found = []
            for statement in statements(function):
                self.assertNotIn("NotAction", statement)
                if statement["Sid"] == "NotItsOwn":
                    self.assertEqual((statement["Effect"], set(statement["Action"])), ("Deny", WRITE), function)
                    continue
                self.assertEqual(statement["Effect"], "Allow")
                found.append((set(statement["Action"]), names_in(statement["Resource"])))
            self.assertCountEqual(found, expected, function)

    def test_no_role_is_shared_and_no_policy_is_managed(self):
        roles = [function["Properties"]["Role"]["Fn::GetAtt"][0] for function in FUNCTIONS.values()]
        self.assertEqual(sorted(roles), sorted(f"{name}Role" for name in FUNCTIONS))
        self.assertEqual(set(of_type("AWS::IAM::Role")), set(roles))
        for role in roles:
            self.assertNotIn("ManagedPolicyArns", RESOURCES[role]["Properties"])
            bounded = {"Fn::If": ["HasBoundary", {"Ref": "PermissionsBoundary"}, {"Ref": "AWS::NoValue"}]}
            self.assertEqual(RESOURCES[role]["Properties"]["PermissionsBoundary"], bounded)
        for function in FUNCTIONS.values():
            self.assertNotIn("Policies", function["Properties"])
        self.assertFalse(set(of_type("AWS::IAM::ManagedPolicy")) | set(of_type("AWS::IAM::Policy")))

    def test_no_action_has_a_wildcard_and_only_tracing_is_for_all_resources(self):
        for function in FUNCTIONS:
            for statement in statements(function):
                self.assertNotIn("*", "".join(statement["Action"]))
                if statement["Sid"] != "Tracing":
                    self.assertNotEqual(statement["Resource"], "*")

    def test_keys_open_only_for_this_deployment_and_mails_come_only_from_the_sender(self):
        for function in FUNCTIONS:
            for statement in statements(function):
                condition = statement.get("Condition")
                if statement["Sid"] in ("DataKeys", "OlderKeys"):
                    deployment = {"kms:EncryptionContext:deployment": DEPLOYMENT}
                    self.assertEqual(condition, {"StringEquals": deployment})
                elif statement["Sid"] == "Mails":
                    self.assertEqual(condition, {"StringEquals": {"ses:FromAddress": {"Ref": "MailSender"}}})
                elif statement["Sid"] in ("Calls", "EventsAndRecords"):
                    (like, named) = condition.items()
                    self.assertEqual((like[0], named), ("ForAllValues:StringLike", ("Null", {"dynamodb:LeadingKeys": "false"})))
                elif statement["Sid"] == "NotItsOwn":
                    self.assertEqual(list(condition), ["ForAnyValue:StringLike"])
                else:
                    self.assertIsNone(condition)

    def test_functions_write_only_the_items_that_they_own(self):
        """The table in keys.rs names the partition keys; `A` is an account."""
        documented = re.findall(r"^//! \|[^|]*\| `([^`]+)` \|", (CODE / "store/keys.rs").read_text(), re.MULTILINE)
        self.assertGreater(len(documented), 25)
        writes = {}
        for function in FUNCTIONS:
            patterns = {s["Sid"]: next(iter(s["Condition"].values()))["dynamodb:LeadingKeys"] for s in statements(function) if s["Sid"] in OWN}
            for sid, found in patterns.items():
                for pattern in found:
                    self.assertTrue(fnmatch.filter(documented, pattern), f"{function}: {pattern} is no key")
                matching = {key for pattern in found for key in fnmatch.filter(documented, pattern)}
                writes[function] = set(documented) - matching if sid == "NotItsOwn" else matching
        # `admin` owns everything.
        self.assertEqual(set(writes), set(FUNCTIONS) - {"Admin"})
        self.assertEqual(writes["EventsApi"], {"rate ID"})
        self.assertEqual(writes["EventFanout"], {"A event E", "A deliveries W SHARD", "A troubles DAY SHARD", "A counts DAY SHARD", "A skipped DAY"})
        for function, own in writes.items():
            self.assertFalse(own & {"accounts", "admin-request ID"}, function)
        for function in ("EventFanout", "Delivery", "EventsApi", "DeliveriesApi"):
            self.assertFalse(own_keys(writes[function], "account", "token", "token-id", "tokens", "policies", "keys"), function)

    def test_no_use_of_the_key_is_without_the_name_of_the_deployment(self):
        _, deny = RESOURCES["Key"]["Properties"]["KeyPolicy"]["Statement"]
        self.assertEqual(deny["Effect"], "Deny")
        self.assertEqual(set(deny["Action"]), {"kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"})

    def test_the_adapters_make_the_calls_that_the_roles_allow(self):
        """The sources of the adapters are searched for calls of the SDKs: a new one needs a right, and a place here."""
        called = {}
        for path in CODE.rglob("*.rs"):
            text = path.read_text().split("#[cfg(test)]")[0]
            calls = set(SDK_CALL.findall(text)) - {"clone", "as_ref"}
            if calls:
                called[str(path.relative_to(CODE))] = calls
        self.assertEqual(called, {name: set(calls) for name, calls in ADAPTERS.items()})
        of_code = {a for calls in ADAPTERS.values() for actions in calls.values() for a in actions.split()}
        allowed = {a for rights in RIGHTS.values() for actions, _ in rights for a in actions}
        # Lambda itself takes messages off the queues.
        self.assertEqual(allowed - of_code, {"sqs:GetQueueAttributes"})
        self.assertLessEqual(of_code, allowed)


class Queues(unittest.TestCase):
    PAIRS = {
        "EventsQueue": ("EventsDeadLetters", "EventFanout", "FanOut"),
        "DeliveriesQueue": ("DeliveriesDeadLetters", "Delivery", "Delivery"),
    }

    def test_every_queue_has_its_dead_letters(self):
        dead = {pair[0] for pair in self.PAIRS.values()}
        self.assertEqual(set(of_type("AWS::SQS::Queue")), set(self.PAIRS) | dead)
        for queue, (letters, _, _) in self.PAIRS.items():
            properties = RESOURCES[queue]["Properties"]
            target = {"Fn::GetAtt": [letters, "Arn"]}
            self.assertEqual(properties["RedrivePolicy"], {"deadLetterTargetArn": target, "maxReceiveCount": 20})
            self.assertEqual(properties["MessageRetentionPeriod"], 4 * 86400)
            self.assertEqual(RESOURCES[letters]["Properties"]["MessageRetentionPeriod"], 14 * 86400)
            # The copy carries the reason beside the message.
            room = RESOURCES[letters]["Properties"]["MaximumMessageSize"] - properties["MaximumMessageSize"]
            self.assertGreaterEqual(room, 2048)

    def test_all_are_encrypted_and_refuse_what_comes_without_tls(self):
        policies = of_type("AWS::SQS::QueuePolicy").values()
        for queue, resource in of_type("AWS::SQS::Queue").items():
            self.assertTrue(resource["Properties"]["SqsManagedSseEnabled"])
            (policy,) = [p for p in policies if p["Properties"]["Queues"] == [{"Ref": queue}]]
            first = policy["Properties"]["PolicyDocument"]["Statement"][0]
            self.assertEqual((first["Effect"], first["Principal"], first["Action"]), ("Deny", "*", "sqs:*"))
            self.assertEqual(first["Condition"], {"Bool": {"aws:SecureTransport": "false"}})
            self.assertEqual(first["Resource"], {"Fn::GetAtt": [queue, "Arn"]})

    def test_a_function_takes_full_batches_and_fails_by_item(self):
        sources = {
            name: list(function["Properties"].get("Events", {}).values()) for name, function in FUNCTIONS.items()
        }
        for queue, (_, function, prefix) in self.PAIRS.items():
            (source,) = sources.pop(function)
            self.assertEqual(
                source,
                {
                    "Type": "SQS",
                    "Properties": {
                        "Queue": {"Fn::GetAtt": [queue, "Arn"]},
                        "BatchSize": {"Ref": f"{prefix}BatchSize"},
                        "MaximumBatchingWindowInSeconds": {"Ref": f"{prefix}Window"},
                        "FunctionResponseTypes": ["ReportBatchItemFailures"],
                        "ScalingConfig": {"MaximumConcurrency": {"Ref": f"{prefix}Concurrency"}},
                    },
                },
            )
            self.assertEqual(TEMPLATE["Parameters"][f"{prefix}BatchSize"]["Default"], 10)
        self.assertEqual([s for s in sources.values() if s], [], "no other function has a source")
        # A new account may run ten functions at once: the queues leave the API three of them.
        at_once = [TEMPLATE["Parameters"][f"{prefix}Concurrency"]["Default"] for prefix in ("FanOut", "Delivery")]
        self.assertLessEqual(sum(at_once), 10 - 3)

    def test_a_message_comes_again_after_six_times_the_timeout(self):
        parameters = TEMPLATE["Parameters"]
        for queue, (_, function, prefix) in self.PAIRS.items():
            self.assertEqual(RESOURCES[queue]["Properties"]["VisibilityTimeout"], {"Ref": f"{prefix}Visibility"})
            self.assertEqual(FUNCTIONS[function]["Properties"]["Timeout"], {"Ref": f"{prefix}Timeout"})
            timeout, visibility = (parameters[prefix + name]["Default"] for name in ("Timeout", "Visibility"))
            self.assertEqual(visibility, 6 * timeout + parameters[f"{prefix}Window"]["MaxValue"])

    def test_only_delivery_may_feed_itself(self):
        loops = {name: f["Properties"].get("RecursiveLoop") for name, f in FUNCTIONS.items()}
        self.assertEqual({name: loop for name, loop in loops.items() if loop}, {"Delivery": "Allow"})

    def test_what_the_bus_cannot_deliver_becomes_a_dead_letter(self):
        (rule,) = of_type("AWS::Events::Rule").values()
        (target,) = rule["Properties"]["Targets"]
        self.assertEqual(target["DeadLetterConfig"], {"Arn": {"Fn::GetAtt": ["EventsDeadLetters", "Arn"]}})
        self.assertEqual(target["SqsParameters"], {"MessageGroupId": "$.detail.account_id"})
        self.assertEqual(rule["Properties"]["EventPattern"], {"source": [{"prefix": ""}]}, "all events")
        for queue in ("EventsQueue", "EventsDeadLetters"):
            _, allowed = RESOURCES[f"{queue}Policy"]["Properties"]["PolicyDocument"]["Statement"]
            self.assertEqual(allowed["Principal"], {"Service": "events.amazonaws.com"})
            self.assertEqual(allowed["Condition"], {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["BusRule", "Arn"]}}})


class Buckets(unittest.TestCase):
    def test_all_are_private_and_encrypted_and_refuse_what_comes_without_tls(self):
        buckets = of_type("AWS::S3::Bucket")
        self.assertEqual(set(buckets), {"Uploads", "Attachments"})
        policies = of_type("AWS::S3::BucketPolicy").values()
        for name, bucket in buckets.items():
            properties = bucket["Properties"]
            self.assertEqual(list(properties["PublicAccessBlockConfiguration"].values()), [True] * 4)
            self.assertEqual(properties["OwnershipControls"], {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
            ((rule,),) = properties["BucketEncryption"].values()
            self.assertEqual(rule, {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}})
            (policy,) = [p["Properties"] for p in policies if p["Properties"]["Bucket"] == {"Ref": name}]
            (statement,) = policy["PolicyDocument"]["Statement"]
            self.assertEqual((statement["Effect"], statement["Principal"], statement["Action"]), ("Deny", "*", "s3:*"))
            self.assertEqual(statement["Condition"], {"Bool": {"aws:SecureTransport": "false"}})
            self.assertEqual([names_in(one) for one in statement["Resource"]], [name, f"{name}/*"])

    def test_what_nobody_attaches_goes_and_only_uploads_are_for_browsers(self):
        uploads, attachments = (RESOURCES[name]["Properties"] for name in ("Uploads", "Attachments"))
        (rule,) = uploads["LifecycleConfiguration"]["Rules"]
        self.assertEqual((rule["Status"], rule["ExpirationInDays"]), ("Enabled", 1))
        self.assertNotIn("Prefix", rule, "whatever it is called")
        (rule,) = attachments["LifecycleConfiguration"]["Rules"]
        self.assertNotIn("ExpirationInDays", rule)
        (rule,) = uploads["CorsConfiguration"]["CorsRules"]
        self.assertEqual(rule["AllowedMethods"], ["POST"])
        self.assertNotIn("CorsConfiguration", attachments)


class Api(unittest.TestCase):
    # What is not webhooks-api's: below the path, or the path itself, or both.
    PATHS = {
        "deliveries-api": [
            "/webhook_deliveries", "/webhook_deliveries/{proxy+}", "/webhooks/{id}/deliveries", "/webhooks/{id}/redeliver",
            "/redeliveries/{proxy+}",
        ],
        "events-api": ["/events", "/events/{proxy+}"],
        "policies-api": ["/webhook_policies", "/webhook_policies/{proxy+}", "/token", "/console_links", "/console_links/{proxy+}"],
    }  # fmt: skip
    FUNCTIONS = {"webhooks-api": "WebhooksApi", "policies-api": "PoliciesApi", "deliveries-api": "DeliveriesApi", "events-api": "EventsApi"}
    BODY = RESOURCES["Api"]["Properties"]["Body"]

    def test_every_path_leads_to_its_function_and_the_rest_to_the_one_that_may_do_everything(self):
        expected = {"$default": "webhooks-api"}
        for function, paths in self.PATHS.items():
            for path in paths:
                for prefix in ("", "/v1", "/a/{account}", "/a/{account}/v1"):
                    expected[prefix + path] = function
        found = {}
        for path, methods in self.BODY["paths"].items():
            (operation,) = methods.values()
            self.assertEqual(list(methods), ["x-amazon-apigateway-any-method"])
            found[path] = operation["x-amazon-apigateway-integration"]["$ref"].rpartition("/")[2]
        self.assertEqual(found, expected)
        rights = {name: {(action, on) for actions, on in RIGHTS[name] for action in actions} for name in self.FUNCTIONS.values()}
        self.assertEqual(set.union(*rights.values()), rights["WebhooksApi"])

    def test_functions_get_payload_2_0_and_may_be_called(self):
        integrations = self.BODY["components"]["x-amazon-apigateway-integrations"]
        self.assertEqual(set(integrations), set(self.FUNCTIONS))
        for name, function in self.FUNCTIONS.items():
            text, variables = integrations[name]["uri"]["Fn::Sub"]
            self.assertEqual(integrations[name]["payloadFormatVersion"], "2.0")
            # The address is put together from the function's name: a reference would be a circle.
            self.assertIn(f":function:hookline-{name}-${{Id}}/invocations", text)
            of = FUNCTIONS[function]["Properties"]["FunctionName"]["Fn::Sub"]
            self.assertEqual(of, [f"hookline-{name}-${{Id}}", variables[0] if isinstance(variables, list) else variables])
            permission = RESOURCES[f"{function}Permission"]["Properties"]
            self.assertEqual(permission["FunctionName"], {"Ref": function})
        (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
        self.assertEqual(stage["Properties"]["StageName"], "$default")


class Code(unittest.TestCase):
    def test_every_variable_is_one_that_the_functions_read(self):
        settings = "".join(path.read_text() for path in (CODE / "settings.rs", ROOT / "shared/core/src/settings.rs"))
        known = {f"HOOKLINE_{name.upper()}" for name in re.findall(r'source\s*\.\w+\(\s*"([a-z_]+)"', settings)}
        used = set(TEMPLATE["Globals"]["Function"]["Environment"]["Variables"])
        for function in FUNCTIONS.values():
            used |= set(function["Properties"]["Environment"]["Variables"])
        self.assertGreater(len(known), 10)
        self.assertLessEqual(used, known)
        # What the template has no word for stays at its default.
        self.assertEqual(known - used, set())

    def test_every_function_has_a_binary_of_its_own(self):
        for name, function in FUNCTIONS.items():
            binary = function["Metadata"]["BuildProperties"]["Binary"]
            self.assertEqual(function["Metadata"]["BuildMethod"], "rust-cargolambda")
            self.assertEqual(binary, re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower())
            self.assertEqual(function["Properties"]["CodeUri"], f"functions/{binary}")
            self.assertTrue((ROOT / "functions" / binary / "Cargo.toml").is_file(), binary)

    def test_the_table_has_the_keys_of_the_code(self):
        keys = [key["AttributeName"] for key in RESOURCES["Table"]["Properties"]["KeySchema"]]
        self.assertEqual(keys, ["pk", "sk"])
        code = "".join(path.read_text() for path in (CODE / "store").rglob("*.rs"))
        ttl = RESOURCES["Table"]["Properties"]["TimeToLiveSpecification"]
        for name in (*keys, ttl["AttributeName"]):
            self.assertIn(f'"{name}"', code)
        self.assertTrue(ttl["Enabled"])
        self.assertTrue(RESOURCES["Table"]["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"])

    def test_our_own_metrics_are_those_that_the_functions_write(self):
        code = (CODE / "lambda/metrics.rs").read_text()
        namespace = re.search(r'NAMESPACE: &str = "(\w+)"', code)[1]
        written = {name: ["Deployment", *filter(None, [label])] for name, label in re.findall(r'Instrument\("(\w+)", "(\w*)"\)', code)}
        widgets = json.loads(RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"][0])["widgets"]
        shown = [metric for widget in widgets for metric in widget["properties"]["metrics"] if metric[0] == namespace]
        for _, metric, *rest in shown:
            self.assertIn(metric, written)
            self.assertEqual([part for part in rest if isinstance(part, str)][::2], written[metric])
        alarm = RESOURCES["LagAlarm"]["Properties"]
        self.assertEqual((alarm["Namespace"], alarm["MetricName"]), (namespace, "hookline_delivery_lag_seconds"))
        self.assertEqual([dimension["Name"] for dimension in alarm["Dimensions"]], written[alarm["MetricName"]])
        self.assertEqual(alarm["Dimensions"][0]["Value"], DEPLOYMENT)
        self.assertEqual(TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]["HOOKLINE_DEPLOYMENT"], DEPLOYMENT)


class Watching(unittest.TestCase):
    def test_alarms_tell_somebody_and_the_runbook_knows_them(self):
        runbook = (ROOT / "infra/runbook.md").read_text()
        alarms = of_type("AWS::CloudWatch::Alarm")
        self.assertGreaterEqual(len(alarms), 10)
        for name, alarm in alarms.items():
            properties = alarm["Properties"]
            self.assertEqual(properties["AlarmActions"], [{"Ref": "Alarms"}])
            self.assertEqual(properties["TreatMissingData"], "notBreaching", "an idle service raises no alarm")
            section = re.search(r'See the runbook, "(.+)"\.$', properties["AlarmDescription"])
            self.assertTrue(section and f"## {section[1]}\n" in runbook, name)
        watched = set()
        for alarm in alarms.values():
            properties = alarm["Properties"]
            metrics = [one["MetricStat"]["Metric"] for one in properties.get("Metrics", []) if "MetricStat" in one] or [properties]
            watched |= {(metric["MetricName"], json.dumps(metric.get("Dimensions"))) for metric in metrics}
        for queue, (letters, _, _) in Queues.PAIRS.items():
            for metric, of in (
                ("ApproximateAgeOfOldestMessage", queue), ("ApproximateNumberOfMessagesVisible", queue),
                ("NumberOfMessagesDeleted", queue), ("ApproximateNumberOfMessagesVisible", letters),
            ):  # fmt: skip
                name = [{"Name": "QueueName", "Value": {"Fn::GetAtt": [of, "QueueName"]}}]
                self.assertIn((metric, json.dumps(name)), watched)
        for function in ("EventFanout", "Delivery"):
            for metric in ("Errors", "Throttles"):
                name = [{"Name": "FunctionName", "Value": {"Ref": function}}]
                self.assertIn((metric, json.dumps(name)), watched)

    def test_a_stuck_queue_raises_an_alarm_within_five_minutes_and_a_throttled_table_does(self):
        for name in ("EventsStuckAlarm", "DeliveriesStuckAlarm"):
            properties = RESOURCES[name]["Properties"]
            waiting, completed, stuck = properties["Metrics"]
            periods = {one["MetricStat"]["Period"] for one in (waiting, completed)}
            self.assertLess(periods.pop() * properties["EvaluationPeriods"], 300)
            self.assertEqual(stuck["Expression"], "IF(FILL(waiting, 0) > 0 AND FILL(completed, 0) == 0, 1, 0)")
        for metric in ("ReadThrottleEvents", "WriteThrottleEvents"):
            self.assertIn(metric, json.dumps(RESOURCES["TableThrottledAlarm"]))

    def test_logs_end_and_are_made_by_the_stack(self):
        groups = of_type("AWS::Logs::LogGroup")
        self.assertEqual(set(groups), {f"{name}Logs" for name in FUNCTIONS})
        for group in groups.values():
            self.assertEqual(group["Properties"]["RetentionInDays"], {"Ref": "LogRetentionDays"})

    def test_what_cannot_be_made_again_outlives_the_stack(self):
        self.assertEqual(RESOURCES["Table"]["Properties"]["DeletionProtectionEnabled"], {"Ref": "TableDeletionProtection"})
        for name in ("Table", "Key", "Attachments", "Uploads"):
            self.assertEqual(RESOURCES[name]["DeletionPolicy"], "RetainExceptOnCreate")
            self.assertEqual(RESOURCES[name]["UpdateReplacePolicy"], "Retain")

    def test_another_table_bucket_and_key_can_be_taken_over(self):
        for name, condition in (("Table", "MakesTable"), ("Attachments", "MakesAttachments"), ("AttachmentsPolicy", "MakesAttachments")):
            self.assertEqual(RESOURCES[name]["Condition"], condition)
        self.assertTrue(RESOURCES["Key"]["Properties"]["MultiRegion"], "or nothing opens in another Region")
        # What names the table or the bucket names that one.
        for of in [*RESOURCES.values(), TEMPLATE["Outputs"]]:
            text = re.sub(r'\{"Fn::If": \["Has(Table|Attachments)", (.*?), (\{"Ref": "\1"\}|\{"Fn::GetAtt": \["\1", "Arn"\]\}|\{"Fn::Sub": "\$\{\1\.Arn\}/\*"\})\]\}', "", json.dumps(of))
            if of.get("Type") != "AWS::S3::BucketPolicy":
                self.assertNotRegex(text, r'"Ref": "(Table|Attachments)"|"Fn::GetAtt": \["(Table|Attachments)"|\$\{(Table|Attachments)[.}]')

    def test_parameters_say_what_they_are_for(self):
        for name, parameter in TEMPLATE["Parameters"].items():
            self.assertTrue(parameter["Description"].endswith("."), name)
            self.assertTrue("Default" in parameter or name == "MailSender", name)
        self.assertEqual(TEMPLATE["Parameters"]["Architecture"]["Default"], "arm64")
        self.assertEqual(TEMPLATE["Parameters"]["Tracing"]["Default"], "off")
        groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        listed = [name for group in groups for name in group["Parameters"]]
        self.assertCountEqual(listed, TEMPLATE["Parameters"])


if __name__ == "__main__":
    unittest.main()
