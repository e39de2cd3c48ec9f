"""Copies a webhook 10,000 times and its newest delivery 100,000 times within the data folder: many.py DATABASE"""

import json
import sqlite3
import sys

WEBHOOKS = 10_000
DELIVERIES = 100_000

database = sqlite3.connect(sys.argv[1], timeout=60)
database.row_factory = sqlite3.Row


def stored_columns(table):
    return [row["name"] for row in database.execute(f"PRAGMA table_xinfo({table})") if row["hidden"] == 0]


def insert(table, columns, rows):
    marks = ", ".join("?" for _ in columns)
    database.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)


with database:
    delivery = dict(database.execute("SELECT * FROM deliveries WHERE event IS NOT NULL AND webhook IN (SELECT id FROM webhooks) LIMIT 1").fetchone())
    columns = stored_columns("webhooks")
    webhook = dict(database.execute("SELECT * FROM webhooks WHERE id = ?", [delivery["webhook"]]).fetchone())
    first = database.execute("SELECT max(id) FROM webhooks").fetchone()[0] + 1
    record = json.loads(webhook["record"])

    def copied(number):
        text = json.dumps({**record, "id": number, "name": f"{record['name']} {number}"})
        return [{**webhook, "id": number, "record": text}[column] for column in columns]

    insert("webhooks", columns, (copied(number) for number in range(first, first + WEBHOOKS)))

    columns = stored_columns("deliveries")

    def moved(number):
        # The first 48 bits are milliseconds: each copy is a moment older.
        moment = int.from_bytes(delivery["id"][:6], "big") - 1 - number
        other = {**delivery, "id": moment.to_bytes(6, "big") + delivery["id"][6:], "created_at": moment, "message": None}
        return [other[column] for column in columns]

    insert("deliveries", columns, (moved(number) for number in range(DELIVERIES)))
