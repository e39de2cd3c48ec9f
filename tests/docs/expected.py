"""Compares what a command printed with what the page shows.

Parts that are different each time (ids, times, tokens, secrets, signatures, numbers with three or more decimals) match
anything of the same form. The page's example is then remembered as a name of the real value: a later command of the page
that uses the example gets the real value. `hl_…` and `whsec_…` name the newest of their kind. `…` stands for anything, and a
line break for any white space.
"""

import re

VOLATILE = [
    ("uuid", r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ("message", r"msg_[0-9a-f]{32}"),
    ("token", r"hl_(?:[A-Za-z0-9_-]{43}|…)"),
    ("secret", r"whsec_(?:[A-Za-z0-9+/]{43}=|…)"),
    ("signature", r"v1,[A-Za-z0-9+/]{43}="),
    ("policy", r"\b[0-9a-f]{56}\b"),
    ("time", r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"),
    ("decimals", r"\d+\.\d{3,}(?:e-?\d+)?"),
]
ANY = re.compile("|".join(f"(?P<{name}>{form})" for name, form in VOLATILE) + r"|(?P<gap>…)|(?P<space>\s+)")
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Names:
    """The real values of the examples of one page."""

    def __init__(self):
        self.values = {}

    def fill(self, command):
        """The command with the real values in place of the examples."""
        for example, value in self.values.items():
            command = command.replace(example, value)
        return command

    def pattern(self, lines):
        """What the output must match, and the examples in it."""
        text, pattern, examples, at = "\n".join(lines).strip(), "", [], 0
        for part in ANY.finditer(text):
            pattern += re.escape(text[at : part.start()])
            at = part.end()
            form = dict(VOLATILE).get(part.lastgroup)
            if part.lastgroup == "gap":
                pattern += ".*?"
            elif part.lastgroup == "space":
                pattern += r"\s*"
            elif part[0].endswith("…"):
                pattern += f"(?P<p{len(examples)}>{form})"
                examples.append(part[0])
            elif part[0] in self.values:
                pattern += re.escape(self.values[part[0]])
            elif part[0] in examples:
                pattern += f"(?P=p{examples.index(part[0])})" if is_name(part[0]) else f"(?:{form})"
            else:
                pattern += f"(?P<p{len(examples)}>{form})"
                examples.append(part[0])
        return re.compile(pattern + re.escape(text[at:]), re.DOTALL), examples

    def find(self, lines, output, whole):
        """True if the output has what the page shows; remembers the real values."""
        pattern, examples = self.pattern(lines)
        output = plain(output).strip()
        match = pattern.fullmatch(output) if whole else pattern.search(output)
        if match:
            found = {example: match[f"p{number}"] for number, example in enumerate(examples) if is_name(example)}
            self.values.update(found)
        return match is not None


def is_name(example):
    """Times and decimals may be alike by chance, so they name nothing."""
    return not re.match(r"\d+\.|\d{4}-\d\d-\d\d", example)


def plain(output):
    """The output as a person sees it: without colours and carriage returns."""
    return ESCAPES.sub("", output).replace("\r", "")
