"""The template as Python sees it: short forms such as !Ref become their long forms."""

import os
import pathlib

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Loader(yaml.SafeLoader):
    pass


def long_form(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name: value}


Loader.add_multi_constructor("!", long_form)


def load():
    return yaml.load((ROOT / "template.yaml").read_text(), Loader)


def transformed(template):
    """What CloudFormation makes of it: SAM's own resources become plain ones."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://artifacts/function.zip"
    defaults = {name: parameter.get("Default", "") for name, parameter in template["Parameters"].items()}
    defaults |= {"AWS::Region": "us-east-1", "AWS::Partition": "aws"}
    return Translator({}, Parser()).translate(template, defaults)


if __name__ == "__main__":
    import json

    print(json.dumps(transformed(load()), indent=1, default=str))
