//! The API document (version 3.1 of the form), made from the table of endpoints.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use strongroom_api::v1;
use utoipa::openapi::{RefOr, Schema};

use super::endpoint::{Endpoint, Shape, Verb, shape};
use super::{ENDPOINTS, Endpoint as Row};
use crate::app::Right;

/// Returns the document.
pub fn document() -> Value {
    let mut schemas = BTreeMap::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    add(&mut schemas, shape::<v1::Problem>());
    for endpoint in ENDPOINTS.iter().filter(|endpoint| is_documented(endpoint)) {
        for shape in [endpoint.takes, endpoint.gives].into_iter().flatten() {
            add(&mut schemas, shape);
        }
        let verb = endpoint.method.name().to_lowercase();
        let operations = paths.entry(endpoint.path).or_default();
        operations.insert(verb, operation(endpoint));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Strongroom",
            "description": "The API of a Strongroom server. Times are in UTC (RFC 3339); ids are 32 hexadecimal digits.",
            "version": "1",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "A session (`srs_…`), an API token (`srt_…`) or the credential of a computer (`src_…`)",
            } },
        },
        "security": [{ "bearer": [] }],
    })
}

/// Returns the document as it is checked in.
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

fn is_documented(endpoint: &Row) -> bool {
    endpoint.path.starts_with(v1::PREFIX)
}

fn add(schemas: &mut BTreeMap<String, RefOr<Schema>>, shape: Shape) {
    let mut parts = Vec::new();
    (shape.parts)(&mut parts);
    schemas.extend(parts);
    schemas.insert((shape.name)().into_owned(), (shape.schema)());
}

fn reference(shape: Shape) -> Value {
    json!({ "$ref": format!("#/components/schemas/{}", (shape.name)()) })
}

fn operation(endpoint: &Endpoint) -> Value {
    let mut operation = Map::new();
    operation.insert("operationId".to_owned(), operation_id(endpoint).into());
    operation.insert("summary".to_owned(), endpoint.about.into());
    if let Some(tag) = tag(endpoint) {
        operation.insert("tags".to_owned(), json!([tag]));
    }
    operation.insert("parameters".to_owned(), parameters(endpoint));
    operation.insert("responses".to_owned(), responses(endpoint));
    let right = match endpoint.right {
        Right::Public => {
            operation.insert("security".to_owned(), json!([]));
            "none"
        }
        Right::Computer => "computer",
        Right::To(action) | Right::List(action) => action.name(),
    };
    operation.insert("x-right".to_owned(), right.into());
    if let Some(shape) = endpoint.takes {
        let body = json!({
            "required": true,
            "content": { "application/json": { "schema": reference(shape) } },
        });
        operation.insert("requestBody".to_owned(), body);
    }
    Value::Object(operation)
}

/// Where the path and the verb say it, a name is made of them: one for each endpoint.
fn operation_id(endpoint: &Endpoint) -> String {
    let path = endpoint.path.trim_start_matches(v1::PREFIX);
    let words = path.split('/').map(|word| word.trim_matches(['{', '}']));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let verb = endpoint.method.name().to_lowercase();
    format!("{verb}-{}", words.join("-"))
}

fn tag(endpoint: &Endpoint) -> Option<&'static str> {
    let path = endpoint.path.trim_start_matches(v1::PREFIX);
    let mut words = path.split('/').filter(|word| !word.is_empty());
    let first = words.next()?;
    let last = words.rfind(|word| !word.starts_with('{'));
    match (first, last) {
        ("organisations", Some("users" | "import")) => Some("users"),
        ("organisations", Some("groups")) => Some("groups"),
        (_, Some("settings")) => Some("settings"),
        _ => Some(first),
    }
}

fn parameters(endpoint: &Endpoint) -> Value {
    let id = json!({ "type": "string", "pattern": "^[0-9a-f]{32}$" });
    let name_of_setting =
        json!({ "type": "string", "pattern": "^[a-z]+(-[a-z]+)*(\\.[a-z]+(_[a-z]+)*)?$" });
    let path = endpoint.parameters().map(|name| {
        let schema = match name {
            "setting" => &name_of_setting,
            _ => &id,
        };
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    });
    let mut all: Vec<Value> = path.collect();
    if let Some(query) = endpoint.query {
        let query = query().into_iter().map(serde_json::to_value);
        all.extend(query.filter_map(Result::ok));
    }
    let header = |name: &str, about: &str, required: bool, schema: Value| json!({ "name": name, "in": "header", "required": required, "description": about, "schema": schema });
    if endpoint.is_deed() {
        all.push(json!({
            "name": "dry-run", "in": "query", "required": false,
            "description": "Does everything, says what came of it, and undoes it",
            "schema": { "type": "boolean" },
        }));
        let version = json!({ "type": "string", "pattern": "^(\\*|\"[0-9]+\")$" });
        all.push(header(
            "If-Match",
            "The version that the caller has seen, in quotes",
            endpoint.needs_version,
            version,
        ));
        let key = json!({ "type": "string", "minLength": 1, "maxLength": 255 });
        let about =
            "A name for the request: sent again with it, it is done once and answered the same";
        all.push(header("Idempotency-Key", about, false, key));
    }
    Value::Array(all)
}

fn responses(endpoint: &Endpoint) -> Value {
    let mut all = Map::new();
    let mut success = json!({ "description": endpoint.about });
    if let Some(shape) = endpoint.gives {
        success["content"] = json!({ "application/json": { "schema": reference(shape) } });
    }
    all.insert(endpoint.status.to_string(), success);
    for (status, about) in problems(endpoint) {
        let problem = json!({
            "description": about,
            "content": { "application/problem+json": { "schema": reference(shape::<v1::Problem>()) } },
        });
        all.insert(status.to_string(), problem);
    }
    Value::Object(all)
}

/// Returns the problems that an endpoint may answer with.
fn problems(endpoint: &Endpoint) -> Vec<(u16, &'static str)> {
    let mut all = Vec::new();
    let takes_words = endpoint.takes.is_some() || endpoint.query.is_some();
    let changes = endpoint.method != Verb::Get;
    if takes_words || changes {
        all.push((400, "The request is wrong"));
    }
    if endpoint.right != Right::Public {
        all.push((401, "Nobody showed a credential that is good"));
        all.push((403, "The caller may not do this"));
        all.push((429, "Too many requests"));
    }
    if !matches!(endpoint.right, Right::Public | Right::Computer) {
        all.push((404, "There is nothing of that kind that the caller may see"));
    }
    if endpoint.right == Right::Public && endpoint.takes.is_some() {
        all.push((401, "The name or the password is wrong"));
        all.push((403, "The account is not active"));
        all.push((404, "The link is not good"));
        all.push((409, "That cannot be done as things stand"));
        all.push((429, "Too many requests"));
    }
    if endpoint.takes.is_some() {
        all.push((408, "The request took too long to arrive"));
        all.push((413, "The request is too large"));
        all.push((415, "The request is not JSON"));
    }
    if endpoint.is_deed() {
        all.push((409, "That cannot be done as things stand"));
        all.push((412, "It was changed since the caller saw it"));
        all.push((422, "The idempotency key was used for another request"));
    }
    if endpoint.needs_version {
        all.push((428, "The caller does not say which version they have seen"));
    }
    all.push((503, "Not now"));
    if changes {
        all.push((507, "The server's disk is full"));
    }
    all
}
