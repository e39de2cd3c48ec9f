//! The routes of `template.yaml`, matched as an HTTP API of API Gateway matches them: what is written out wins over a
//! parameter, a parameter over `{proxy+}`, and all of them over `$default`.

use std::path::Path;

/// The routes of the template.
#[derive(Debug, Clone)]
pub struct Routes {
    routes: Vec<Route>,
    default: String,
}

#[derive(Debug, Clone)]
struct Route {
    key: String,
    /// The segments of its path; the last one is empty for a path that ends in a slash.
    segments: Vec<Segment>,
    function: String,
}

/// In the order in which they win.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Text(String),
    Parameter(String),
    Rest(String),
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The function's name, such as `events-api`.
    pub function: String,
    /// The route's key.
    pub route_key: String,
    /// The parameters of the path.
    pub parameters: Vec<(String, String)>,
}

impl Routes {
    /// The routes of the repository's template.
    ///
    /// # Panics
    /// When it cannot be read or has a route of another form.
    pub fn of_template() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::parse(&text)
    }

    fn parse(template: &str) -> Self {
        let mut routes = Vec::new();
        let mut default = None;
        for line in template.lines() {
            let Some((path, operation)) = line.split_once(": {x-amazon-apigateway-any-method: ") else { continue };
            let function = operation.split_once("/x-amazon-apigateway-integrations/").expect("an integration").1;
            let function = function.split_once('\'').expect("the name of a function").0.to_owned();
            match path.trim().strip_prefix('/') {
                None => assert!(path.trim() == "$default" && default.replace(function).is_none(), "{line}"),
                Some(path) => {
                    let segments = path.split('/').map(Segment::parse).collect();
                    routes.push(Route { key: format!("ANY /{path}"), segments, function });
                }
            }
        }
        Self { routes, default: default.expect("a default route") }
    }

    /// Where a decoded path leads.
    pub fn find(&self, path: &str) -> Match {
        let asked: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        let best = self.routes.iter().filter(|route| route.matches(&asked)).min_by_key(|route| route.rank());
        match best {
            None => Match { function: self.default.clone(), route_key: "$default".to_owned(), parameters: Vec::new() },
            Some(route) => Match {
                function: route.function.clone(),
                route_key: route.key.clone(),
                parameters: route.parameters(&asked),
            },
        }
    }

    /// The functions that have routes.
    pub fn functions(&self) -> Vec<&str> {
        let mut functions: Vec<_> = self.routes.iter().map(|route| &*route.function).chain([&*self.default]).collect();
        functions.sort_unstable();
        functions.dedup();
        functions
    }
}

impl Segment {
    fn parse(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            None => Self::Text(text.to_owned()),
            Some(name) => match name.strip_suffix('+') {
                None => Self::Parameter(name.to_owned()),
                Some(name) => Self::Rest(name.to_owned()),
            },
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Text(_) => 0,
            Self::Parameter(_) => 1,
            Self::Rest(_) => 2,
        }
    }
}

impl Route {
    fn matches(&self, asked: &[&str]) -> bool {
        let rest = matches!(self.segments.last(), Some(Segment::Rest(_)));
        let long_enough = if rest { asked.len() >= self.segments.len() } else { asked.len() == self.segments.len() };
        long_enough
            && self.segments.iter().zip(asked).all(|(segment, asked)| match segment {
                Segment::Text(text) => text == asked,
                Segment::Parameter(_) | Segment::Rest(_) => !asked.is_empty(),
            })
    }

    fn rank(&self) -> Vec<u8> {
        self.segments.iter().map(Segment::rank).collect()
    }

    fn parameters(&self, asked: &[&str]) -> Vec<(String, String)> {
        let of = |(index, segment): (usize, &Segment)| match segment {
            Segment::Text(_) => None,
            Segment::Parameter(name) => Some((name.clone(), asked[index].to_owned())),
            Segment::Rest(name) => Some((name.clone(), asked[index..].join("/"))),
        };
        self.segments.iter().enumerate().filter_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every path of the API reaches its function, and in any other form the one that may do everything.
    #[test]
    fn every_path_reaches_its_function() {
        let routes = Routes::of_template();
        let paths = [
            ("/webhooks", "webhooks-api"),
            ("/webhooks/enabled", "webhooks-api"),
            ("/webhooks/3", "webhooks-api"),
            ("/webhooks/3/test", "webhooks-api"),
            ("/webhooks/3/secret/rotate", "webhooks-api"),
            ("/webhooks/3/verify", "webhooks-api"),
            ("/webhooks/3/counts", "webhooks-api"),
            ("/counts", "webhooks-api"),
            ("/event_types", "webhooks-api"),
            ("/endpoint_hosts/aGk/throttle", "webhooks-api"),
            ("/attachments/storage", "webhooks-api"),
            ("/openapi", "webhooks-api"),
            ("/eventss", "webhooks-api"),
            ("/webhooks/3/deliveries", "deliveries-api"),
            ("/webhooks/3/redeliver", "deliveries-api"),
            ("/webhook_deliveries", "deliveries-api"),
            ("/webhook_deliveries/01a2/redeliver", "deliveries-api"),
            ("/redeliveries/01a2", "deliveries-api"),
            ("/events", "events-api"),
            ("/webhooks/filter_preview", "events-api"),
            ("/events/explain", "events-api"),
            ("/events/01a2", "events-api"),
            ("/webhook_policies", "policies-api"),
            ("/webhook_policies/3/rotate", "policies-api"),
            ("/webhook_policies/abc/.well-known/openid-configuration", "policies-api"),
            ("/token", "policies-api"),
        ];
        for prefix in ["", "/v1", "/a/wdc", "/a/wdc/v1"] {
            for (path, function) in paths {
                let path = format!("{prefix}{path}");
                assert_eq!(routes.find(&path).function, function, "{path}");
                for ending in ["/", ".json", ".json/"] {
                    let path = format!("{path}{ending}");
                    let found = routes.find(&path).function;
                    assert!(found == function || found == "webhooks-api", "{path}: {found}");
                }
            }
            assert_eq!(routes.find(&format!("{prefix}/")).function, "webhooks-api");
            assert_eq!(routes.find(prefix).route_key, "$default");
        }
        assert_eq!(routes.functions(), ["deliveries-api", "events-api", "policies-api", "webhooks-api"]);
    }

    #[test]
    fn the_more_specific_route_wins() {
        let route = |path: &str, function: &str| {
            format!(
                "  {path}: {{x-amazon-apigateway-any-method: {{x-amazon-apigateway-integration: {{$ref: \
                 '#/components/x-amazon-apigateway-integrations/{function}'}}}}}}\n"
            )
        };
        let template = [route("$default", "D"), route("/x/{proxy+}", "A"), route("/x/{id}", "B"), route("/x/y", "C")];
        let routes = Routes::parse(&template.concat());
        for (path, function) in [("/x/y", "C"), ("/x/z", "B"), ("/x/y/z", "A"), ("/x", "D"), ("/x/", "D"), ("/", "D")] {
            assert_eq!(routes.find(path).function, function, "{path}");
        }
        let found = routes.find("/x/y/z");
        assert_eq!((&*found.route_key, found.parameters), ("ANY /x/{proxy+}", vec![("proxy".into(), "y/z".into())]));
    }
}
