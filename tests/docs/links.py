"""Finds links of the documentation that lead nowhere, and settings that it does not describe.

Links to other pages and files of the repository must exist, also the heading after `#`. Links to other hosts are not followed.
Each alert rule links to a heading of the runbook.
"""

import pathlib
import re

import log_lines

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)


def pages():
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("infra/*.md")])


def anchors(page):
    """The names that headings get."""
    found = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in found}


def dead_links():
    for page in pages():
        for target in LINK.findall(FENCE.sub("", page.read_text())):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            if not file.exists():
                yield f"{page.relative_to(ROOT)}: there is no {target}"
            elif anchor and anchor not in anchors(file):
                yield f"{page.relative_to(ROOT)}: {target} is no heading"


def dead_runbook_links():
    """Alerts that link to no section of a page in docs/."""
    rules = (ROOT / "infra/observability/hookline.rules.yml").read_text()
    alerts = re.findall(r"- alert: (\S+)\n(.*?)(?=\n\n|\Z)", rules, re.DOTALL)
    assert alerts, "the alert rules are not found"
    for name, rule in alerts:
        link = re.search(r"runbook_url: https://hookline\.example/(docs/\w+\.md)#(\S+)", rule)
        if not link or link[2] not in anchors(ROOT / link[1]):
            yield f"{name} links to no section of the runbook"


def missing_settings():
    """Settings of the binary, as its source names them, that docs/operations.md does not have, and the other way round."""
    files = ("shared/core/src/settings.rs", "functions/standalone/src/settings.rs")
    source = "".join((ROOT / file).read_text().partition("#[cfg(test)]")[0] for file in files)
    described = set(re.findall(r"`(HOOKLINE_[A-Z_]+)`", (ROOT / "docs/operations.md").read_text()))
    known = {f"HOOKLINE_{name.upper()}" for name in re.findall(r'\bsource(?:\s*\.\w+\(\s*|,\s*)"([a-z_]+)"', source)}
    assert known, "the settings are not found in the source"
    for name in sorted(known ^ described):
        yield f"{name} is in {'the source' if name in known else 'docs/operations.md'} only"


def faults():
    return [*dead_links(), *dead_runbook_links(), *missing_settings(), *log_lines.faults()]
