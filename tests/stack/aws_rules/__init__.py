"""What AWS demands of a stack, as far as its documentation says it and a template shows it: each rule is a function that
yields what is wrong, and says in its text where the demand comes from. The stand-ins for AWS that the tests run against forgive all of it.
"""

from . import api, functions, iam, names, queues, resolve, schemas, stacks, watching

# Asked of the template with its functions carried out.
RESOLVED = [
    api.route_keys, api.quotas, api.document, api.permissions,
    names.names, names.policy_names,
    queues.visibility, queues.batches, queues.attributes, queues.dead_letters,
    iam.actions, iam.conditions, iam.sizes, iam.sids,
    functions.environment, functions.limits, functions.report_lines, functions.durations,
    watching.alarms, watching.dashboards,
    stacks.quotas, stacks.rules_of_events,
]  # fmt: skip
# Asked of the template as CloudFormation gets it.
AS_IT_IS = [stacks.circles, schemas.schemas]


def broken(template, parameters=None, rules=None):
    """What is wrong with a template that SAM has processed: rule and text."""
    whole = resolve.template(template, parameters)
    found = [(rule, text) for rule in RESOLVED if rules is None or rule in rules for text in rule(whole)]
    found += [(rule, text) for rule in AS_IT_IS if rules is None or rule in rules for text in rule(template)]
    return [(f"{rule.__module__.rpartition('.')[2]}.{rule.__name__}", text) for rule, text in found]
