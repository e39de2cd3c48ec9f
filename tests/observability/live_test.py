"""The alert rules and the dashboard against a live Prometheus that scrapes the binary: live_test.py BINARY FOLDER

FOLDER is what install.sh made. Each service has one trouble of its own, or none: exactly its alert fires. The rules are those
that are shipped, but for their durations, which are shorter. Then every expression of the dashboard has data.
"""

import contextlib
import json
import math
import pathlib
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
import urllib.request

sys.dont_write_bytecode = True

from service import Endpoint, Service, until

SHIPPED = pathlib.Path(__file__).resolve().parents[2] / "infra" / "observability"
BINARY, TOOLS = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
SECONDS = {"s": 1, "m": 60, "h": 3600}
# Of a metric's families, those that are endings.
ENDINGS = re.compile(r"_(bucket|sum|count)$")


def shorter(rules):
    """The rules with shorter durations: an hour becomes 30 seconds; the shortest is 10 seconds, so that no scrape is missed."""

    def scaled(found):
        return f"{max(10, int(found[1]) * SECONDS[found[2]] // 120)}s"

    return re.sub(r"\b(\d+)([smh])\b", scaled, rules)


class Prometheus:
    def __init__(self, folder, targets):
        (folder / "hookline.rules.yml").write_text(shorter((SHIPPED / "hookline.rules.yml").read_text()))
        config = (SHIPPED / "prometheus.yml").read_text().replace("15s", "2s")
        (folder / "prometheus.yml").write_text(config.replace('["127.0.0.1:9464"]', json.dumps(targets)))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.log = open(folder / "log", "w")
        self.process = subprocess.Popen(
            [TOOLS / "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address={self.address}", "--log.level=warn"], stdout=self.log, stderr=self.log,
        )  # fmt: skip
        until(lambda: (folder / "log").read_text(), self.answers)

    def answers(self):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=60).status == 200

    def ask(self, path, **query):
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.load(answer)["data"]

    def values(self, expression):
        return [(sample["metric"], float(sample["value"][1])) for sample in self.ask("query", query=expression)["result"]]

    def firing(self):
        alerts = self.ask("alerts")["alerts"]
        return {(alert["labels"]["alertname"], alert["labels"].get("instance")) for alert in alerts if alert["state"] == "firing"}

    def last_evaluation(self):
        (group,) = self.ask("rules")["groups"]
        return group["lastEvaluation"]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class LiveTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)
        cls.folder = pathlib.Path(cls.stack.enter_context(tempfile.TemporaryDirectory()))
        cls.endpoint = Endpoint()
        cls.stack.callback(cls.endpoint.close)
        cls.services = {
            "well": cls.start("well"), "HooklineMessagesLate": cls.late(),
            "HooklineMessagesDropped": cls.start("dropped", HOOKLINE_WAIT_SCALE="0.001"),
            "HooklineHostThrottled": cls.start("throttled"), "HooklineNoData": cls.start("stopped"),
            "HooklineDiskFull": cls.start("disk", cls.small_disk()),
        }  # fmt: skip
        cls.prometheus = Prometheus(cls.folder, [service.metrics for service in cls.services.values()])
        cls.stack.callback(cls.prometheus.close)

    @classmethod
    def start(cls, name, data=None, **settings):
        service = Service(BINARY, data or cls.folder / name, **settings)
        cls.stack.callback(service.kill)
        return service

    @classmethod
    def late(cls):
        """Messages that were due ten minutes ago, of which a slow endpoint takes one after the other."""
        before = cls.start("late", HOOKLINE_IN_FLIGHT_PER_HOST="1")
        before.webhook(cls.endpoint.uri("/slow"))
        before.publish(40)
        until(before.scrape, lambda: before.sample("hookline_messages_waiting") >= 30)
        before.kill()
        with contextlib.closing(sqlite3.connect(before.data / "hookline.db")) as database, database:
            database.execute("UPDATE attempts SET due = due - 600000")
        return cls.start("late", HOOKLINE_IN_FLIGHT_PER_HOST="1")

    @classmethod
    def small_disk(cls):
        disk = cls.folder / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "hookline-small-disk", disk], check=True)
        cls.stack.callback(subprocess.run, ["umount", "--lazy", disk], check=True)
        return disk / "data"

    def traffic(self):
        """A little more of what happens in a service, so that rates are not zero."""
        for name in ("well", "HooklineMessagesDropped", "HooklineHostThrottled"):
            self.services[name].publish()

    def test_1_exactly_the_alert_of_each_trouble_fires(self):
        services, prometheus = self.services, self.prometheus
        stopped = services["HooklineNoData"]
        up = f'up{{instance="{stopped.metrics}"}} == 1'
        until(lambda: prometheus.ask("targets"), lambda: prometheus.values(up))
        stopped.kill()
        services["well"].webhook(self.endpoint.uri("/ok"))
        services["HooklineMessagesDropped"].webhook(self.endpoint.uri("/missing"))
        services["HooklineHostThrottled"].webhook(self.endpoint.uri("/busy"))
        services["HooklineHostThrottled"].publish(15)
        expected = {(name, service.metrics) for name, service in services.items() if name != "well"}
        evaluated = set()

        def settled():
            self.traffic()
            firing = prometheus.firing()
            self.assertLessEqual(firing, expected)
            if firing == expected:
                evaluated.add(prometheus.last_evaluation())
            return len(evaluated) > 3

        until(lambda: prometheus.ask("alerts"), settled)

    def test_2_every_expression_of_the_dashboard_has_data(self):
        well = self.services["well"]
        well.call("POST", "/events", {"event": "nonsense", "object_id": 1}, 422)
        well.call("POST", "/webhooks/1/redeliver", {}, 202)
        panels = json.loads((SHIPPED / "dashboard.json").read_text())["panels"]
        expressions = [target["expr"] for panel in panels for target in panel.get("targets", [])]
        self.assertGreater(len(expressions), 30)

        def empty():
            self.traffic()
            well.call("POST", "/events", {"event": "nonsense", "object_id": 1}, 422)
            return [expression for expression in expressions if not self.has_data(expression)]

        until(empty, lambda: not empty())
        shown = set(re.findall(r"hookline_\w+|process_\w+", " ".join(expressions)))
        known = {line.split()[2] for line in well.scrape().splitlines() if line.startswith("# TYPE hookline_")}
        self.assertEqual(known - {ENDINGS.sub("", name) for name in shown}, set(), "no panel shows them")

    def has_data(self, expression):
        expression = expression.replace("$instance", ".*").replace("$__rate_interval", "5m")
        return any(not math.isnan(value) for _, value in self.prometheus.values(expression))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], failfast=True, verbosity=2)
