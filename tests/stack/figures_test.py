"""The figures of the documentation are those that the scripts compute: figures_test.py [--write]"""

import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "infra"))

import cost
import scale

PAGE, README = ROOT / "docs/scale.md", ROOT / "README.md"
# What the README quotes: the months, and where an account ends.
FIRST = ("| what ", "|---", "| account: events fanned", "| account: deliveries |", "| webhook: deliveries", "| deployment: deliveries")
ACCOUNT = "\n".join(row for row in scale.table() if row.startswith(FIRST))
TABLES = {"scale": "\n".join(scale.table()), "cost": "```text\n" + "\n".join(cost.table()) + "\n```"}


QUOTED = {"account": ACCOUNT, "cost": TABLES["cost"]}


def written(page, tables=TABLES):
    for name, table in tables.items():
        page, count = re.subn(rf"<!-- {name} -->\n(?:.*?\n)??<!-- end -->", lambda _: f"<!-- {name} -->\n{table}\n<!-- end -->", page, flags=re.S)
        assert count == 1, name
    return page


class Figures(unittest.TestCase):
    def test_the_page_has_the_tables(self):
        self.assertEqual(PAGE.read_text(), written(PAGE.read_text()), "write it anew: python3 tests/stack/figures_test.py --write")

    def test_the_readme_quotes_them(self):
        text = README.read_text()
        self.assertEqual(text, written(text, QUOTED), "write it anew: python3 tests/stack/figures_test.py --write")
        self.assertLessEqual(len(text.splitlines()), 200)

    def test_constants_are_those_of_the_code(self):
        self.assertEqual((scale.SHARDS, scale.BATCH, scale.INLINE), (8, 10, 48 * 1024))
        self.assertEqual((scale.HOP, scale.LEASE, scale.MAX_EVENTS), (900, 60, 100))
        with self.assertRaises(AssertionError):
            scale.constant("shared/aws/src/store/keys.rs", "NONE")
        for name, value in (("DELIVERY_CONCURRENCY", "DeliveryConcurrency"), ("FANOUT_CONCURRENCY", "FanOutConcurrency"), ("BATCH", "DeliveryBatchSize")):
            self.assertEqual(getattr(cost, name), scale.parameter(value), name)

    def test_alarms_are_counted(self):
        from template import load

        alarms = [of["Properties"] for of in load()["Resources"].values() if of["Type"] == "AWS::CloudWatch::Alarm"]
        counted = sum(len([one for one in of.get("Metrics", [{"MetricStat": 0}]) if "MetricStat" in one]) for of in alarms)
        self.assertEqual(counted, cost.ALARM_METRICS)

    def test_our_own_metrics_are_counted(self):
        code = (ROOT / "shared/aws/src/lambda/metrics.rs").read_text()
        self.assertEqual(sorted(re.findall(r'Instrument\("(\w+)"', code)), sorted(cost.OWN_METRICS))
        page = (ROOT / "docs/aws.md").read_text()
        self.assertIn(f"{cost.METRIC_COUNT} metrics while all goes well, {cost.MAX_METRICS} at most", page)

    def test_an_idle_month_and_full_batches_cost_what_they_may(self):
        _, off = cost.bill(0)
        self.assertLessEqual(off, 2.0)
        self.assertLessEqual(cost.million(cost.added((1, cost.EVENT), (1, cost.DELIVERY))), 3.30)

    def test_batches_fill_with_the_rate_and_not_before(self):
        self.assertEqual(cost.batch(100, 0.16, 5), 1)
        self.assertEqual(cost.batch(1e9, 0.16, 5), cost.BATCH)
        sizes = [cost.batch(rate, 0.16, 5) for rate in (1e3, 1e5, 3e5, 1e6)]
        self.assertEqual(sizes, sorted(sizes))

    def test_more_load_and_more_failures_never_cost_less(self):
        for kind in ({}, {"failing": 0.05}, {"dead": 0.05}):
            months = [cost.bill(rate, **kind)[0] for _, rate in cost.RATES]
            self.assertEqual(months, sorted(months), kind)
        for _, rate in cost.RATES[1:]:
            self.assertLess(cost.bill(rate)[0], cost.bill(rate, failing=0.05)[0])


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(written(PAGE.read_text()))
        README.write_text(written(README.read_text(), QUOTED))
    else:
        unittest.main()
