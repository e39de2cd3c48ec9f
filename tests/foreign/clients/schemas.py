"""Makes random JSON Schemas and values, and says whether they fit: schemas.py SEED COUNT

Prints one line of JSON for each pair: the schema, the value, and the verdict of jsonschema_rs.
"""

import json
import random
import sys

import jsonschema_rs

seed, count = map(int, sys.argv[1:])
chance = random.Random(seed)

NAMES = ["a", "b", "c", "ab", "x-a", ""]
TEXTS = ["", "a", "ab", "abc", "Ж😀", "12", "a-1"]
NUMBERS = [0, 1, 2, 3, -1, 1.5, 2.5, 10, 0.5, 1e3, 100]
PATTERNS = ["^a", "b$", "^[a-z]+-\\d$", "a|1", "^$", "^.{2}$", "^x-"]


def value(depth=0):
    kind = chance.randrange(9 if depth < 3 else 6)
    match kind:
        case 0:
            return None
        case 1:
            return chance.choice([True, False])
        case 2 | 3:
            return chance.choice(NUMBERS)
        case 4 | 5:
            return chance.choice(TEXTS)
        case 6:
            return [value(depth + 1) for _ in range(chance.randrange(5))]
        case _:
            return {name: value(depth + 1) for name in chance.sample(NAMES, chance.randrange(5))}


def schema(depth=0):
    if depth > 3 or chance.random() < 0.08:
        return chance.choice([True, {}, {"type": "string"}, {"type": "number"}, False])
    made = {}
    for _ in range(chance.randrange(1, 5)):
        made |= keyword(depth + 1)
    return made


def schemas(depth, most=3):
    return [schema(depth) for _ in range(chance.randrange(1, most + 1))]


def keyword(depth):
    small = chance.randrange(4)
    match chance.randrange(30):
        case 0 | 1:
            types = ["null", "boolean", "integer", "number", "string", "array", "object"]
            return {"type": chance.choice([chance.choice(types), chance.sample(types, 3)])}
        case 2:
            return {"enum": [value(2) for _ in range(small)]}
        case 3:
            return {"const": value(2)}
        case 4:
            return {chance.choice(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]): chance.choice(NUMBERS)}
        case 5:
            return {"multipleOf": chance.choice([1, 2, 0.5, 1.5, 10])}
        case 6:
            return {chance.choice(["minLength", "maxLength"]): small}
        case 7:
            return {chance.choice(["minItems", "maxItems"]): small}
        case 8:
            return {chance.choice(["minProperties", "maxProperties"]): small}
        case 9:
            return {"pattern": chance.choice(PATTERNS)}
        case 10:
            return {"uniqueItems": chance.choice([True, False])}
        case 11:
            return {"required": chance.sample(NAMES, chance.randrange(3))}
        case 12:
            return {"dependentRequired": {chance.choice(NAMES): chance.sample(NAMES, chance.randrange(3))}}
        case 13:
            return {"dependentSchemas": {chance.choice(NAMES): schema(depth)}}
        case 14:
            return {"propertyNames": schema(depth)}
        case 15 | 16 | 17:
            return {"properties": {name: schema(depth) for name in chance.sample(NAMES, chance.randrange(1, 4))}}
        case 18:
            return {"patternProperties": {chance.choice(PATTERNS): schema(depth)}}
        case 19:
            return {"additionalProperties": schema(depth)}
        case 20:
            return {"items": schema(depth)}
        case 21:
            return {"prefixItems": schemas(depth), "items": schema(depth)}
        case 22:
            return {"contains": schema(depth)} | chance.choice([{}, {"minContains": small}, {"maxContains": small}])
        case 23:
            return {chance.choice(["allOf", "anyOf", "oneOf"]): schemas(depth)}
        case 24:
            return {"not": schema(depth)}
        case 25:
            return {"if": schema(depth), "then": schema(depth), "else": schema(depth)}
        case 26:
            return {"unevaluatedProperties": schema(depth)}
        case 27:
            return {"unevaluatedItems": schema(depth)}
        case 28:
            return {"$ref": "#/$defs/text"}
        case _:
            return {"anyOf": [schema(depth), {"$ref": "#/$defs/tree"}]}


DEFINITIONS = {
    "text": {"type": ["string", "array"], "minLength": 1},
    "tree": {"type": "object", "properties": {"a": {"$ref": "#/$defs/tree"}, "b": {"type": "number"}}, "required": ["b"]},
}

for _ in range(count):
    made = schema()
    if isinstance(made, bool):
        continue
    made["$defs"] = DEFINITIONS
    validator = jsonschema_rs.Draft202012Validator(made)
    for _ in range(5):
        one = value()
        print(json.dumps([made, one, validator.is_valid(one)]))
