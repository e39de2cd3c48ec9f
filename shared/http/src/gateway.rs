//! Which function of the serverless service answers which path, and the routes of its gateway, made from the table of routes.
//!
//! An HTTP API matches literal paths, then paths with variables, then greedy ones, then `$default`. It takes no path that
//! ends in a slash, and its documentation does not say where it leads a request for `/events/`: people saw it take `/events`,
//! `/events/{proxy+}` and `$default`. So the function of the default route may do all that the API does, and has all
//! routes. Paths lead to the others what they own, in its usual form; every other form, such as `/events.json` or an
//! account URL of one's own, reaches the default route and gets the same answer.
//!
//! The other functions have only the routes that they own. The gateway decodes a path after it has matched it, so
//! `/webhooks/3%3F/deliveries` reaches the function of deliveries as `/webhooks/3`: not a path of it, and so a 404.

use std::fmt::Write as _;

use crate::request::pattern;
use crate::routes;

/// A function that answers requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiFunction {
    /// `webhooks-api`, which the default route leads to.
    Webhooks,
    /// `policies-api`.
    Policies,
    /// `deliveries-api`.
    Deliveries,
    /// `events-api`.
    Events,
}

/// What is not the default function's: a path, and with it all that is below it.
const OWNED: [(&str, ApiFunction); 9] = [
    ("/console_links", ApiFunction::Policies),
    ("/events", ApiFunction::Events),
    ("/redeliveries", ApiFunction::Deliveries),
    ("/token", ApiFunction::Policies),
    ("/webhook_deliveries", ApiFunction::Deliveries),
    ("/webhook_policies", ApiFunction::Policies),
    ("/webhooks/filter_preview", ApiFunction::Events),
    ("/webhooks/{id}/deliveries", ApiFunction::Deliveries),
    ("/webhooks/{id}/redeliver", ApiFunction::Deliveries),
];

/// What every path begins with: nothing, the version, the account, or both.
const PREFIXES: [&str; 4] = ["", "/v1", "/a/{account}", "/a/{account}/v1"];

impl ApiFunction {
    const ALL: [Self; 4] = [Self::Webhooks, Self::Policies, Self::Deliveries, Self::Events];

    /// The name of its executable.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Webhooks => "webhooks-api",
            Self::Policies => "policies-api",
            Self::Deliveries => "deliveries-api",
            Self::Events => "events-api",
        }
    }

    /// The function that owns a route with this path.
    fn owner_of(path: &str) -> Self {
        let owned = OWNED.iter().find(|(prefix, _)| path == *prefix || is_below(path, prefix));
        owned.map_or(Self::Webhooks, |(_, function)| *function)
    }

    /// True if it has a route with this path.
    pub(crate) fn has(self, path: &str) -> bool {
        self == Self::Webhooks || self == Self::owner_of(path)
    }
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
}

/// The paths that the gateway needs beside its default route, each with its function.
fn paths() -> Vec<(String, ApiFunction)> {
    let mut paths = Vec::new();
    for prefix in PREFIXES {
        for (owned, function) in OWNED {
            let served = || routes::all().map(|route| pattern(route.path));
            if served().any(|path| path == owned) {
                paths.push((format!("{prefix}{owned}"), function));
            }
            if served().any(|path| is_below(path, owned)) {
                paths.push((format!("{prefix}{owned}/{{proxy+}}"), function));
            }
        }
    }
    paths
}

/// The definition of the gateway's API, as it stands in the template of the stack below `Body:`. The addresses of functions
/// are put together from names, because the functions themselves must know the API's address.
#[must_use]
pub fn gateway() -> String {
    let mut text = String::from("openapi: 3.0.1\ninfo: {title: !Ref AWS::StackName, version: '1'}\npaths:\n");
    let mut operation = |path: &str, mark: &str, function: ApiFunction| {
        let mut parameters = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let mut listed =
            parameters.by_ref().map(|name| format!("{{name: {name}, in: path, required: true}}")).peekable();
        let parameters = match listed.peek() {
            None => String::new(),
            Some(_) => format!(", parameters: [{}]", listed.collect::<Vec<_>>().join(", ")),
        };
        let integration = format!("{{$ref: '#/components/x-amazon-apigateway-integrations/{}'}}", function.name());
        let _ = writeln!(
            text,
            "  {path}: {{x-amazon-apigateway-any-method: {{{mark}responses: {{}}{parameters}, \
             x-amazon-apigateway-integration: {integration}}}}}"
        );
    };
    operation("$default", "isDefaultRoute: true, ", ApiFunction::Webhooks);
    for (path, function) in paths() {
        operation(&path, "", function);
    }
    text.push_str("components:\n  x-amazon-apigateway-integrations:\n");
    for function in ApiFunction::ALL {
        let _ = writeln!(
            text,
            "    {name}:\n      type: aws_proxy\n      httpMethod: POST\n      payloadFormatVersion: '2.0'\n      \
             timeoutInMillis: 30000\n      uri: !Sub\n        - 'arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path\
             /2015-03-31/functions/arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:hookline-{name}-${{Id}}\
             /invocations'\n        - Id: !Select [0, !Split ['-', !Select [2, !Split ['/', !Ref AWS::StackId]]]]",
            name = function.name()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_has_the_routes_of_the_table() {
        let template = include_str!("../../../template.yaml");
        let indented = gateway().lines().fold(String::new(), |text, line| text + "        " + line + "\n");
        assert!(template.contains(&indented), "write it anew: hookline openapi --gateway | python3 infra/gateway.py");
    }

    #[test]
    fn every_owner_has_routes_and_no_path_leads_to_a_function_without_its_route() {
        for (path, function) in OWNED {
            let mut served =
                routes::all().map(|route| pattern(route.path)).filter(|route| *route == path || is_below(route, path));
            assert!(served.next().is_some(), "{path} of {function:?} has no route");
        }
        for route in routes::all().map(|route| pattern(route.path)) {
            let functions: Vec<_> = ApiFunction::ALL.into_iter().filter(|function| function.has(route)).collect();
            assert!(functions.len() <= 2 && functions[0] == ApiFunction::Webhooks, "{route}: {functions:?}");
        }
    }

    #[test]
    fn the_gateway_accepts_every_path() {
        let paths = paths();
        assert_eq!(paths.len(), 4 * 13, "{paths:?}");
        for (path, _) in &paths {
            assert!(path.starts_with('/') && !path.ends_with('/'), "{path}");
            assert!(!path.contains("+}/"), "greedy before the end: {path}");
        }
    }
}
