"""Properties as CloudFormation's own schemas have them, which cfn-lint carries."""

import json
import pathlib
import tempfile


def schemas(template):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-type-schemas.html

    Asked of the template before its functions are carried out. Warnings count: each is a value that AWS refuses later.
    """
    from cfnlint.api import ManualArgs
    from cfnlint.runner import Runner
    from cfnlint.config import ConfigMixIn

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "template.json")
        path.write_text(json.dumps(template, default=str))
        config = ConfigMixIn([], **ManualArgs(templates=[str(path)], regions=["us-east-1", "eu-central-1"]))
        for found in Runner(config).run():
            yield f"{found.rule.id} {'/'.join(map(str, found.path or []))}: {found.message}"
