"""What names may be, for a stack whose own name is as long as a name can be."""

import re

from .resolve import of_type

# Type, property, most characters, form, source.
NAMES = [
    ("AWS::Lambda::Function", "FunctionName", 64, r"[A-Za-z0-9_-]+", "https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"),
    ("AWS::Lambda::Function", "Description", 256, r".*", "https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"),
    ("AWS::Lambda::Alias", "Name", 128, r"(?!^[0-9]+$)[A-Za-z0-9_-]+", "https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html"),
    ("AWS::IAM::Role", "RoleName", 64, r"[\w+=,.@-]+", "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"),
    ("AWS::Logs::LogGroup", "LogGroupName", 512, r"[.\-_/#A-Za-z0-9]+", "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html"),
    ("AWS::Events::EventBus", "Name", 256, r"[/.\-_A-Za-z0-9]+", "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html"),
    ("AWS::Events::EventBus", "Description", 512, r".*", "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html"),
    ("AWS::Events::Rule", "Name", 64, r"[.\-_A-Za-z0-9]+", "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html"),
    ("AWS::KMS::Alias", "AliasName", 256, r"alias/(?!aws/)[A-Za-z0-9/_-]+", "https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html"),
    ("AWS::CloudWatch::Dashboard", "DashboardName", 255, r"[A-Za-z0-9_-]+", "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html"),
    ("AWS::CloudWatch::Alarm", "AlarmName", 255, r".+", "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"),
    ("AWS::CloudWatch::Alarm", "AlarmDescription", 1024, r".*", "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"),
    ("AWS::ApiGatewayV2::Api", "Name", 128, r".+", "https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis.html"),
    ("AWS::SQS::Queue", "QueueName", 80, r"[A-Za-z0-9_-]+(\.fifo)?", "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"),
    ("AWS::SNS::Topic", "TopicName", 256, r"[A-Za-z0-9_-]+", "https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html"),
    ("AWS::DynamoDB::Table", "TableName", 255, r"[A-Za-z0-9_.-]{3,}", "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html"),
    ("AWS::S3::Bucket", "BucketName", 63, r"[a-z0-9][a-z0-9.-]+[a-z0-9]", "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"),
    ("AWS::SES::ConfigurationSet", "Name", 64, r"[A-Za-z0-9_-]+", "https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_CreateConfigurationSet.html"),
]  # fmt: skip


def names(whole):
    """A name that a stack gives is short enough and of the right form; the sources are in the table."""
    for kind, property, most, form, source in NAMES:
        for name, of in of_type(whole, kind):
            value = of.get(property)
            if value is None:
                continue
            if len(value) > most:
                yield f"{name}: {property} has {len(value)} characters, more than {most} ({source})"
            if not re.fullmatch(form, value, re.S):
                yield f"{name}: {property} {value!r} is not of the form {form} ({source})"
    for name, of in of_type(whole, "AWS::ApiGatewayV2::Api"):
        title = of.get("Body", {}).get("info", {}).get("title", "")
        if len(title) > 128:
            yield f"{name}: the title of the document, which becomes the API's name, has {len(title)} characters"


def policy_names(whole):
    """The name of an inline policy: https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html"""
    for name, of in of_type(whole, "AWS::IAM::Role"):
        for policy in of.get("Policies", []):
            if not re.fullmatch(r"[\w+=,.@-]{1,128}", policy["PolicyName"]):
                yield f"{name}: {policy['PolicyName']!r} is no name of a policy"
