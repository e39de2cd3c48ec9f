"""Compares the lines of the log, as the source writes them, with the tables of docs/logging.md: run.py calls it.

Every text with its level, and every field, must be in the page; what the page lists must exist. An error must say what an operator
can do.
"""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/logging.md"
SPAN = re.compile(r'error_span!\(\s*"(\w+)"(.*?)\)\n?\}', re.DOTALL)
LINE = re.compile(r"\btracing::(trace|debug|info|warn|error)!\(")
FIELD = re.compile(r"^[%?]?([a-z_]+)(?:\s*=.*)?$", re.DOTALL)


def sources():
    for folder in ("shared", "functions"):
        for path in sorted((ROOT / folder).glob("**/src/**/*.rs")):
            yield path, path.read_text().partition("\n#[cfg(test)]")[0]


def arguments(code, at):
    """The arguments of a macro whose parenthesis opened before `at`."""
    found, depth, start, quoted = [], 0, at, False
    for place in range(at, len(code)):
        sign = code[place]
        if sign == '"' and code[place - 1] != "\\":
            quoted = not quoted
        elif quoted:
            continue
        elif sign in "([{":
            depth += 1
        elif sign in ")]}" and depth:
            depth -= 1
        elif sign == ")" or sign == "," and not depth:
            found.append(code[start:place].strip())
            start = place + 1
            if sign == ")":
                return [argument for argument in found if argument]
    raise AssertionError("a macro does not end")


def written():
    """The lines that the source writes, as level and text, and all fields; the faults that this finds."""
    lines, fields, faults = set(), set(), []
    for path, code in sources():
        for match in LINE.finditer(code):
            *given, text = arguments(code, match.end())
            where = f"{path.relative_to(ROOT)}: {text}"
            if not re.fullmatch(r'"[^"{}]+"', text):
                faults.append(f"{where}: the text is not constant")
                continue
            names = {FIELD.match(one)[1] for one in given if not one.startswith("target:")}
            if match[1] == "error" and "action" not in names:
                faults.append(f"{where}: no action says what an operator can do")
            lines.add((match[1], text.strip('"')))
            fields |= names
        for match in re.finditer(r"\berror_span!\(", code):
            fields |= {FIELD.match(one)[1] for one in arguments(code, match.end())[1:]}
    assert len(lines) > 30 and "message_id" in fields, "the lines are not found in the source"
    return lines, fields, faults


def faults():
    lines, fields, found = written()
    page = PAGE.read_text()
    shown = set(re.findall(r"^\| `?(\w+)`? \| \*([^*]+)\* \|", page, re.MULTILINE))
    named = {name for row in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| [^*]", page, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    for level, text in sorted(lines ^ shown):
        found.append(f"{level} line '{text}' is in {'the source' if (level, text) in lines else 'docs/logging.md'} only")
    for name in sorted(fields ^ named):
        found.append(f"field {name} is in {'the source' if name in fields else 'docs/logging.md'} only")
    return found
