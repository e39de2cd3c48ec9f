"""What DynamoDB would charge for a call, computed from the sizes of its items by the rules of its documentation.

A write costs a unit per KiB of the larger of the item before and after it, also when its condition does not hold; twice
that in a transaction. A consistent read costs a unit per 4 KiB, a query for all its items together, a batch for each.
"""

import base64
import json
import math

WRITES = {"PutItem", "UpdateItem", "DeleteItem"}
READS = {"GetItem", "Query"}


def value_size(value):
    ((kind, of),) = value.items()
    if kind == "S":
        return len(of.encode())
    if kind == "N":
        return math.ceil(len(of.replace("-", "").replace(".", "")) / 2) + 1
    if kind == "B":
        return len(base64.b64decode(of))
    if kind in ("BOOL", "NULL"):
        return 1
    if kind in ("SS", "NS", "BS"):
        return sum(value_size({kind[0]: one}) for one in of)
    if kind == "L":
        return 3 + sum(1 + value_size(one) for one in of)
    return 3 + sum(1 + len(name.encode()) + value_size(one) for name, one in of.items())


def item_size(item):
    return sum(len(name.encode()) + value_size(value) for name, value in (item or {}).items())


def write_units(size):
    return max(1, math.ceil(size / 1024))


def read_units(size, consistent=True):
    units = max(1, math.ceil(size / 4096))
    return units if consistent else units / 2


class Meter:
    """Stands in front of a DynamoDB's `handle_request`, and tells `note` who was charged what."""

    def __init__(self, handle, note):
        self.handle, self.note = handle, note

    async def __call__(self, method, path, headers, body, query):
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        call = json.loads(body or b"{}")
        keys = list(self.written(action, call))
        before = [await self.item(*key, headers) for key in keys]
        answer = await self.handle(method, path, headers, body, query)
        after = [await self.item(*key, headers) for key in keys]
        written = 0
        for (_, _, factor, meant), old, new in zip(keys, before, after):
            written += factor * write_units(max(item_size(old), item_size(new), item_size(meant)))
        read = self.read(action, call, answer)
        if written or read:
            self.note(headers, action, written, read)
        return answer

    def written(self, action, call):
        """Table and key of every item that a call writes, what a unit counts, and the item that was meant."""
        if action in WRITES:
            yield call["TableName"], self.key(call), 1, call.get("Item")
        elif action == "BatchWriteItem":
            for table, requests in call["RequestItems"].items():
                for request in requests:
                    (one,) = request.values()
                    yield table, self.key(one), 1, one.get("Item")
        elif action == "TransactWriteItems":
            for item in call["TransactItems"]:
                ((_, one),) = item.items()
                yield one["TableName"], self.key(one), 2, one.get("Item")

    @staticmethod
    def key(call):
        return call.get("Key") or {name: call["Item"][name] for name in ("pk", "sk")}

    async def item(self, table, key, _factor, _meant, headers):
        ask = headers | {"x-amz-target": "DynamoDB_20120810.GetItem"}
        body = json.dumps({"TableName": table, "Key": key}).encode()
        answer = await self.handle("POST", "/", ask, body, {})
        return json.loads(answer[2]).get("Item")

    @staticmethod
    def read(action, call, answer):
        if action not in READS and action != "BatchGetItem" or answer[0] != 200:
            return 0
        found = json.loads(answer[2])
        if action == "BatchGetItem":
            units = 0
            for table, asked in call["RequestItems"].items():
                items = found["Responses"].get(table, [])
                consistent = asked.get("ConsistentRead", False)
                units += sum(read_units(item_size(item), consistent) for item in items)
                units += (len(asked["Keys"]) - len(items)) * read_units(0, consistent)
            return units
        items = [found["Item"]] if "Item" in found else found.get("Items", [])
        return read_units(sum(map(item_size, items)), call.get("ConsistentRead", False))
