"""What CloudFormation demands of a template."""

import json
import re

MOST = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200, "Conditions": 500}
TEMPLATE_BYTES = 1_048_576


def quotas(whole):
    """500 resources, 200 parameters and outputs, 1 MiB: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
    for part, most in MOST.items():
        if len(whole.get(part, {})) > most:
            yield f"{len(whole[part])} {part} are more than {most}"
    size = len(json.dumps(whole, default=str).encode())
    if size > TEMPLATE_BYTES:
        yield f"the template has {size} bytes, more than {TEMPLATE_BYTES}"
    if len(whole.get("Description", "").encode()) > 1024:
        yield "the description has more than 1024 bytes"
    for name, of in whole.get("Parameters", {}).items():
        if len(of.get("Description", "")) > 4000:
            yield f"{name}: its description has more than 4000 characters"
    for part in ("Resources", "Parameters", "Outputs"):
        for name in whole.get(part, {}):
            if not re.fullmatch(r"[A-Za-z0-9]{1,255}", name):
                yield f"{name!r} is no name of one of the {part}"


def references(value, conditional=False):
    """The resources that a value names."""
    if isinstance(value, list):
        for one in value:
            yield from references(one)
    elif isinstance(value, dict):
        for form, of in value.items():
            if form == "Ref" and isinstance(of, str):
                yield of
            elif form == "Fn::GetAtt":
                yield (of.split(".") if isinstance(of, str) else of)[0]
            elif form == "Fn::Sub":
                text, own = (of, {}) if isinstance(of, str) else of
                yield from (n.split(".")[0] for n in re.findall(r"\$\{([^!}][^}]*)\}", text) if n not in own)
                yield from references(own)
            else:
                yield from references(of)


def circles(template):
    """No resource waits for itself, through the resources that it names:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html#troubleshooting-errors-circular-dependency

    Asked of the template before its functions are carried out.
    """
    resources = template["Resources"]
    waits = {}
    for name, of in resources.items():
        after = of.get("DependsOn", [])
        after = set([after] if isinstance(after, str) else after) | set(references(of.get("Properties", {})))
        waits[name] = sorted(after & set(resources))
    done, path = set(), []

    def visit(name):
        if name in path:
            yield " → ".join([*path[path.index(name) :], name])
            return
        if name in done:
            return
        path.append(name)
        for after in waits[name]:
            yield from visit(after)
        path.pop()
        done.add(name)

    for name in sorted(resources):
        yield from visit(name)


def rules_of_events(whole):
    """A rule has at most five targets: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html"""
    from .resolve import of_type

    for name, of in of_type(whole, "AWS::Events::Rule"):
        if len(of.get("Targets", [])) > 5:
            yield f"{name}: more than five targets"
        if len(json.dumps(of.get("EventPattern", {}))) > 2048:
            yield f"{name}: its pattern has more than 2048 characters"
