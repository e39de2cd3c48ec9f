"""A template with its intrinsic functions carried out, as far as names, sizes and numbers can be known before a deployment.

What only AWS knows is a value of a plausible form: an ARN that ends in the logical id for `GetAtt …Arn`, the logical id for
`Ref`. The name of the stack is as long as it may be, so that a name that is built from it is as long as it can get.
"""

import re

# A stack's name has up to 128 characters, a letter first:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
LONGEST_STACK_NAME = "S" + "-0123456789" * 12
LONGEST_STACK_NAME = LONGEST_STACK_NAME[:128]
REGION, ACCOUNT = "ap-southeast-1", "111122223333"
PSEUDO = {
    "AWS::StackName": LONGEST_STACK_NAME,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{LONGEST_STACK_NAME}/51af3dc0-da77-11e4-872e-1234567db123",
    "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com",
    "AWS::NotificationARNs": [],
}  # fmt: skip
NO_VALUE = object()
SERVICES = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{id}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{id}",
    "AWS::KMS::Key": "arn:aws:kms:{region}:{account}:key/51af3dc0-da77-11e4-872e-1234567db123",
    "AWS::S3::Bucket": "arn:aws:s3:::{id}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{id}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{id}:*",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{id}",
    "AWS::Events::EventBus": "arn:aws:events:{region}:{account}:event-bus/{id}",
    "AWS::Events::Rule": "arn:aws:events:{region}:{account}:rule/{id}",
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{id}",
}
# What `Ref` of a resource gives, where it is not its name.
REFERENCES = {
    "AWS::SQS::Queue": "https://sqs.{region}.amazonaws.com/{account}/" + "q" * 80,
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{id}",
    "AWS::S3::Bucket": "b" * 63,
    "AWS::DynamoDB::Table": "t" * 255,
}


def template(whole, parameters=None):
    """The template with all that can be carried out carried out: conditional resources that are not made are left out."""
    return Resolver(whole, parameters or {}).template()


class Resolver:
    def __init__(self, whole, parameters):
        self.whole = whole
        given = {}
        for name, of in whole.get("Parameters", {}).items():
            default = of.get("Default", "")
            given[name] = default.split(",") if of.get("Type") == "CommaDelimitedList" else default
        self.parameters = PSEUDO | given | parameters
        self.conditions = {}

    def template(self):
        resources = {}
        for name, resource in self.whole.get("Resources", {}).items():
            if "Condition" in resource and not self.condition(resource["Condition"]):
                continue
            resources[name] = resource | {"Properties": self.value(resource.get("Properties", {}))}
        return self.whole | {"Resources": resources}

    def condition(self, name):
        if name not in self.conditions:
            self.conditions[name] = bool(self.value(self.whole["Conditions"][name]))
        return self.conditions[name]

    def value(self, of):
        if isinstance(of, list):
            return [found for found in map(self.value, of) if found is not NO_VALUE]
        if not isinstance(of, dict):
            return of
        if len(of) == 1:
            ((form, argument),) = of.items()
            if form in FORMS:
                return FORMS[form](self, argument)
        found = {name: self.value(one) for name, one in of.items()}
        return {name: one for name, one in found.items() if one is not NO_VALUE}

    def ref(self, name):
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.parameters:
            return self.parameters[name]
        resource = self.whole["Resources"][name]
        form = REFERENCES.get(resource["Type"], "{id}")
        return form.format(region=REGION, account=ACCOUNT, id=name)

    def attribute(self, argument):
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        kind = self.whole["Resources"][name]["Type"]
        if attribute == "Arn":
            return SERVICES.get(kind, "arn:aws:service:{region}:{account}:{id}").format(region=REGION, account=ACCOUNT, id=name)
        if attribute == "ApiEndpoint":
            return f"https://a1b2c3d4e5.execute-api.{REGION}.amazonaws.com"
        return f"{name}.{attribute}"

    def sub(self, argument):
        text, own = (argument, {}) if isinstance(argument, str) else argument
        own = {name: self.value(of) for name, of in own.items()}

        def replaced(match):
            name = match[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in own:
                return str(own[name])
            return str(self.attribute(name) if "." in name and "::" not in name else self.ref(name))

        return re.sub(r"\$\{([^}]+)\}", replaced, text)

    def choose(self, argument):
        name, yes, no = argument
        return self.value(yes if self.condition(name) else no)

    def select(self, argument):
        index, of = argument
        return self.value(of)[int(self.value(index))]

    def split(self, argument):
        separator, of = argument
        return self.value(of).split(separator)

    def join(self, argument):
        separator, of = argument
        return separator.join(str(one) for one in self.value(of))


FORMS = {
    "Ref": Resolver.ref, "Fn::GetAtt": Resolver.attribute, "Fn::Sub": Resolver.sub, "Fn::If": Resolver.choose,
    "Fn::Select": Resolver.select, "Fn::Split": Resolver.split, "Fn::Join": Resolver.join,
    "Fn::Equals": lambda self, of: self.value(of[0]) == self.value(of[1]),
    "Fn::Not": lambda self, of: not self.value(of[0]),
    "Fn::And": lambda self, of: all(self.value(one) for one in of),
    "Fn::Or": lambda self, of: any(self.value(one) for one in of),
    "Condition": lambda self, of: self.condition(of) if of in self.whole.get("Conditions", {}) else {"Condition": of},
    "Fn::Base64": lambda self, of: self.value(of),
    "Fn::ToJsonString": lambda self, of: self.value(of),
}  # fmt: skip


def of_type(whole, kind):
    """Name and properties of all resources of a type."""
    return [(name, of["Properties"]) for name, of in whole["Resources"].items() if of["Type"] == kind]
