"""What a number of events would have cost on AWS, from the calls that were recorded while they went through the stack.

Units are counted from sizes, requests as they were made. What this machine cannot tell stays as infra/cost.py has it: how
long functions run, and that they are called with full batches.
"""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "infra"))

import cost

# The functions, by their names in the template.
EVENT = ("EventsApi", "EventFanout")
DELIVERY = ("Delivery",)


class Bill:
    def __init__(self, stack, recorded, events):
        self.stack, self.recorded, self.events = stack, recorded, events
        self.event, self.delivery = self.counted(cost.EVENT, EVENT), self.counted(cost.DELIVERY, DELIVERY)
        # Received and deleted by tens, beside what was sent.
        self.event["sqs_requests"] = 0.2 + self.sends("EventsApi")
        self.delivery["sqs_requests"] = 0.2 + self.sends("EventFanout", "Delivery")
        self.both = {
            name: self.event.get(name, 0) + self.delivery.get(name, 0) for name in {**self.event, **self.delivery}
        }

    def of(self, functions):
        names = [self.stack.physical(function) for function in functions]
        return [call for call in self.recorded if call["who"].rpartition("/")[2] in names]

    def sends(self, *functions):
        return sum(call.get("action") == "sqs:SendMessage" for call in self.of(functions)) / self.events

    def counted(self, of, functions):
        calls = self.of(functions)
        return of | {
            "write_units": sum(call.get("written", 0) for call in calls) / self.events,
            "read_units": sum(call.get("read", 0) for call in calls) / self.events,
            "kms_requests": sum(call.get("action", "").startswith("kms:") for call in calls) / self.events,
        }

    def dollars(self):
        """For a million events delivered, and for a million further deliveries."""
        return cost.million(self.both), cost.million(self.delivery)

    def show(self):
        cost.show("An event, delivered, as counted", self.both)
        cost.show("One more delivery of it, as counted", self.delivery)
        for name, units in (("an event", self.event), ("a delivery", self.delivery)):
            print(f"{name}: {units['write_units']:.2f} write units, {units['read_units']:.2f} read units")
        for function in EVENT + DELIVERY:
            charged = [call for call in self.of([function]) if "charged" in call]
            for action in sorted({call["charged"] for call in charged}):
                units = [(call["written"], call["read"]) for call in charged if call["charged"] == action]
                calls, (written, read) = len(units) / self.events, (sum(column) / self.events for column in zip(*units))
                print(f"    {function} {action}: {calls:.2f} calls, {written:.2f} written, {read:.2f} read")
