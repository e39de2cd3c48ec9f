"""Packs a built stack so that it deploys without a Rust toolchain: package.py BUILT FOLDER ARCHITECTURE

BUILT is what `sam build` made for that architecture. FOLDER gets the template, with a zip for each function, and the example of a
configuration: `sam deploy --guided` there is all that is left to do.
"""

import pathlib
import re
import shutil
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]


def packed_template(text, architecture):
    """The template with zips in the place of sources, and the architecture that they are for."""
    text, functions = re.subn(r"^(      CodeUri: functions/[\w-]+)$", r"\1.zip", text, flags=re.M)
    text, builds = re.subn(r"^    Metadata: \{BuildMethod: .*\n", "", text, flags=re.M)
    assert functions == builds > 0, "each function has a source, and says how it is built"
    text, count = re.subn(
        r"(^  Architecture:\n    Type: String\n    Default: )\w+\n    AllowedValues: .*\n    Description: .*$",
        rf"\g<1>{architecture}\n    AllowedValues: [{architecture}]\n    Description: Processor of the functions. This package is for no other.",
        text,
        flags=re.M,
    )
    assert count == 1, "the template has the parameter Architecture"
    return text


def packed_function(bootstrap, archive):
    """A zip with the executable, which may be executed. The same executable makes the same zip."""
    entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o100755 << 16
    entry.create_system = 3
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zip:
        zip.writestr(entry, bootstrap.read_bytes())


def functions(text):
    """The functions of a template: the name of each in it, and that of its sources."""
    found = re.findall(r"^  (\w+):\n    Type: AWS::Serverless::Function\n(?:    .*\n)*?      CodeUri: functions/([\w-]+)$", text, re.M)
    assert found, "the template has functions"
    return found


def main(built, folder, architecture):
    built, folder = pathlib.Path(built), pathlib.Path(folder)
    text = (ROOT / "template.yaml").read_text()
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "functions").mkdir(parents=True)
    for name, source in functions(text):
        packed_function(built / name / "bootstrap", folder / "functions" / f"{source}.zip")
    (folder / "template.yaml").write_text(packed_template(text, architecture))
    shutil.copy(ROOT / "infra/samconfig.example.toml", folder / "samconfig.example.toml")
    shutil.copy(ROOT / "LICENSE", folder / "LICENSE")


if __name__ == "__main__":
    main(*sys.argv[1:4])
