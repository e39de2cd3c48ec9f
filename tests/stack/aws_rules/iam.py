"""What IAM, and the policies of resources, demand."""

import fnmatch
import functools
import importlib.resources
import json
import re

from .resolve import of_type

# Which keys a condition may name, for which actions. The lists that cfn-lint carries have only the keys of resources.
# Source: the service's page of https://docs.aws.amazon.com/service-authorization/latest/reference/
CONDITION_KEYS = {
    "kms:EncryptionContext:*": {
        "kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:GenerateDataKeyPair",
        "kms:GenerateDataKeyPairWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo",
    },
    "kms:ViaService": {"kms:*"},
    "kms:ResourceAliases": {"kms:*"},
    "ses:FromAddress": {"ses:SendEmail", "ses:SendRawEmail", "ses:SendTemplatedEmail", "ses:SendBulkTemplatedEmail", "ses:SendBulkEmail"},
    "ses:FromDisplayName": {"ses:SendEmail", "ses:SendRawEmail"},
    "dynamodb:LeadingKeys": {
        "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem",
        "dynamodb:DeleteItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem",
    },
}  # fmt: skip
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
GLOBAL_KEYS = {
    "aws:SecureTransport", "aws:SourceAccount", "aws:SourceArn", "aws:SourceOrgID", "aws:SourceIp", "aws:PrincipalArn",
    "aws:PrincipalAccount", "aws:PrincipalOrgID", "aws:ResourceAccount", "aws:ResourceTag/*", "aws:RequestTag/*", "aws:TagKeys",
    "aws:CalledVia", "aws:ViaAWSService", "aws:RequestedRegion",
}  # fmt: skip
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
OPERATOR = re.compile(
    r"(ForAllValues:|ForAnyValue:)?(String(Not)?(Equals|EqualsIgnoreCase|Like)|Bool|Null|BinaryEquals|(Not)?IpAddress"
    r"|Arn(Not)?(Equals|Like)|(Numeric|Date)(Not)?(Equals|LessThan|LessThanEquals|GreaterThan|GreaterThanEquals))(IfExists)?"
)
# Characters of a policy without white space. Roles: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
# Queues: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html
# Buckets: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
# Keys: https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html
# Topics: https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html
ROLE_CHARACTERS, TRUST_CHARACTERS = 10_240, 2_048
CHARACTERS = {
    "AWS::SQS::QueuePolicy": ("PolicyDocument", 8_192), "AWS::S3::BucketPolicy": ("PolicyDocument", 20_480),
    "AWS::KMS::Key": ("KeyPolicy", 32_768), "AWS::SNS::TopicPolicy": ("PolicyDocument", 30_720),
}  # fmt: skip


@functools.cache
def known_actions():
    """By service, the actions in lower case, each with the types of its resources; and the ARNs of each type."""
    data = importlib.resources.files("cfnlint.data.AdditionalSpecs").joinpath("Policies.json")
    return json.loads(data.read_text())


def policies(whole):
    """Each policy document: where it is, the document, and whether it belongs to a role."""
    for name, of in of_type(whole, "AWS::IAM::Role"):
        for policy in of.get("Policies", []):
            yield name, policy["PolicyDocument"], True
    for kind, (property, _) in CHARACTERS.items():
        for name, of in of_type(whole, kind):
            yield name, of[property], False


def listed(value):
    return value if isinstance(value, list) else [value]


def statements(whole):
    """Each statement: where it is, the statement, its actions, and whether it belongs to a role."""
    for name, document, of_role in policies(whole):
        for statement in document["Statement"]:
            yield f"{name} {statement.get('Sid', '')}".strip(), statement, listed(statement.get("Action", [])), of_role


def matching(action):
    """The known actions that a pattern stands for, in lower case."""
    service, _, name = action.partition(":")
    known = known_actions().get(service, {}).get("Actions", {})
    return {one: known[one] for one in fnmatch.filter(known, name.lower())}


def actions(whole):
    """Every action exists, and is about a resource of the kind that is named, as the service authorization reference says
    (https://docs.aws.amazon.com/service-authorization/latest/reference/, as cfn-lint carries it).
    """
    for where, statement, of, of_role in statements(whole):
        for action in of:
            found = matching(action)
            if not found:
                yield f"{where}: there is no action {action}"
            if not of_role:
                continue
            resources = listed(statement["Resource"])
            for name, about in found.items():
                kinds = about.get("Resources", [])
                if not kinds and resources != ["*"]:
                    yield f"{where}: {action} is about no resource, so only * allows it"
                elif kinds and resources != ["*"] and not any(is_of(action, kinds, resource) for resource in resources):
                    yield f"{where}: {action} is about {', '.join(kinds)}, and none of {resources} is one"


def is_of(action, kinds, resource):
    of = known_actions()[action.partition(":")[0]]["Resources"]
    for kind in kinds:
        for form in of[kind]["ARNFormats"]:
            form = re.sub(r"\$\{\w+\}", "[^:]*", form)
            if re.fullmatch(form, resource) and (kind != "bucket" or "/" not in resource) and (kind != "object" or "/" in resource):
                return True
    return False


def conditions(whole):
    """Every operator exists, and every key is one that the actions of the statement have; sources beside the lists."""
    for where, statement, of, _ in statements(whole):
        for operator, pairs in statement.get("Condition", {}).items():
            if not OPERATOR.fullmatch(operator):
                yield f"{where}: there is no operator {operator}"
            for key in pairs:
                if any(fnmatch.fnmatch(key.lower(), known.lower()) for known in GLOBAL_KEYS):
                    continue
                found = [known for known in CONDITION_KEYS if fnmatch.fnmatch(key.lower(), known.lower())]
                if not found:
                    yield f"{where}: there is no key {key}"
                    continue
                have = CONDITION_KEYS[found[0]]
                for action in of:
                    if not any(fnmatch.fnmatch(one, action) or fnmatch.fnmatch(action, one) for one in have):
                        yield f"{where}: {action} has no {key}"


def size(document):
    return len(re.sub(r"\s", "", json.dumps(document, separators=(",", ":"))))


def sizes(whole):
    """A policy is no longer than its kind may be; sources beside the numbers."""
    for name, of in of_type(whole, "AWS::IAM::Role"):
        inline = sum(size(policy["PolicyDocument"]) for policy in of.get("Policies", []))
        if inline > ROLE_CHARACTERS:
            yield f"{name}: its policies have {inline} characters, more than {ROLE_CHARACTERS}"
        if size(of["AssumeRolePolicyDocument"]) > TRUST_CHARACTERS:
            yield f"{name}: who may take it on has more than {TRUST_CHARACTERS} characters"
    for kind, (property, most) in CHARACTERS.items():
        for name, of in of_type(whole, kind):
            if size(of[property]) > most:
                yield f"{name}: its policy has {size(of[property])} characters, more than {most}"


def sids(whole):
    """A statement's id has letters and digits only, and is there once in a document of a role:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html
    """
    for name, document, of_role in policies(whole):
        found = [statement["Sid"] for statement in document["Statement"] if "Sid" in statement]
        for sid in found:
            if of_role and not re.fullmatch(r"[A-Za-z0-9]+", sid):
                yield f"{name}: {sid!r} is no id of a statement"
        if len(found) != len(set(found)):
            yield f"{name}: an id of a statement is there twice"
