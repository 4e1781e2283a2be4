//! The API document that is checked in is that of the table of endpoints.

#[test]
fn the_document_is_up_to_date() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../openapi/strongroom-v1.json"
    );
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let due = strongroom_server::http::openapi::text();
    assert!(
        written == due,
        "run `cargo xtask openapi`, and look at what changed"
    );
}

#[test]
fn every_reference_leads_somewhere() {
    let document = strongroom_server::http::openapi::document();
    let schemas = &document["components"]["schemas"];
    let text = document.to_string();
    let parts = text.split("\"$ref\":\"#/components/schemas/").skip(1);
    let names: Vec<&str> = parts.filter_map(|part| part.split('"').next()).collect();
    assert!(names.len() > 300, "{}", names.len());
    for name in names {
        assert!(schemas[name].is_object(), "{name}");
    }
    let page = &schemas["UserPage"]["properties"]["items"]["items"]["$ref"];
    assert_eq!(page, "#/components/schemas/User");
}
