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
