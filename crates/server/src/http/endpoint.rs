//! One endpoint, as the router, the API document and the access matrix all see it.

use std::borrow::Cow;

use axum::routing::MethodRouter;
use serde::de::DeserializeOwned;
pub use strongroom_api::v1::Verb;
use strongroom_domain::access::Action;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Ref, RefOr, Schema, Type};
use utoipa::{IntoParams, ToSchema};

use super::SiteRef;
use crate::app::{Pace, Right};

/// Most bytes of a body, where its endpoint does not say otherwise.
const BODY_LEN_MAX: usize = 64 * 1024;

/// The form of a body.
#[derive(Clone, Copy)]
pub struct Shape {
    /// Its name in the API document.
    pub name: fn() -> Cow<'static, str>,
    /// What it has.
    pub schema: fn() -> RefOr<Schema>,
    /// What its parts have.
    pub parts: fn(&mut Vec<(String, RefOr<Schema>)>),
}

/// One endpoint.
#[derive(Clone, Copy)]
pub struct Endpoint {
    /// What it does.
    pub method: Verb,
    /// Where it is, with parameters in braces.
    pub path: &'static str,
    /// What it does, in a sentence without a full stop.
    pub about: &'static str,
    /// What is needed to use it.
    pub right: Right,
    /// How fast it may be called.
    pub pace: Pace,
    /// What may be asked for in the query.
    pub query: Option<fn() -> Vec<Parameter>>,
    /// The form of the body that it takes.
    pub takes: Option<Shape>,
    /// The form of the body that it gives; without one, it gives none.
    pub gives: Option<Shape>,
    /// The status where it succeeds.
    pub status: u16,
    /// A body that reaches the use case, with names in braces for what a test puts there.
    pub example: &'static str,
    /// Whether it must be told which version the caller has seen.
    pub needs_version: bool,
    /// The field of the answer that is shown once.
    pub secret: Option<&'static str>,
    /// Most bytes of a body.
    pub body_len_max: usize,
    /// Makes the route.
    pub route: fn() -> MethodRouter<SiteRef>,
}

impl Endpoint {
    /// What endpoints that read have in common.
    pub(super) const READ: Self = Self {
        method: Verb::Get,
        path: "",
        about: "",
        right: Right::To(Action::ServerRead),
        pace: Pace::Light,
        query: None,
        takes: None,
        gives: None,
        status: 200,
        example: "",
        needs_version: false,
        secret: None,
        body_len_max: BODY_LEN_MAX,
        route: MethodRouter::new,
    };

    /// What endpoints that change something have in common.
    pub(super) const CHANGE: Self = Self {
        method: Verb::Post,
        pace: Pace::Change,
        ..Self::READ
    };

    /// Tells whether it is done as a deed: on record, once for each idempotency key, or undone at the end.
    pub(super) fn is_deed(&self) -> bool {
        self.method.changes() && !matches!(self.right, Right::Public | Right::Computer)
    }

    /// Returns the names of the parameters in the path.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> {
        let parts = self.path.split('/');
        parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

/// Returns the form of a type.
pub(super) const fn shape<T: ToSchema>() -> Shape {
    Shape {
        name: T::name,
        schema: T::schema,
        parts: T::schemas,
    }
}

/// Returns the form of a page of a list.
pub(super) const fn page<T: ToSchema>() -> Shape {
    Shape {
        name: || format!("{}Page", T::name()).into(),
        schema: page_schema::<T>,
        parts: |parts| {
            T::schemas(parts);
            parts.push((T::name().into_owned(), T::schema()));
        },
    }
}

fn page_schema<T: ToSchema>() -> RefOr<Schema> {
    let item = Ref::from_schema_name(T::name());
    let items = ArrayBuilder::new()
        .items(item)
        .description(Some("The items"));
    let next = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(
            "What to ask for with `after` to get the next part; missing at the end",
        ));
    ObjectBuilder::new()
        .description(Some("A part of a list"))
        .property("items", items)
        .property("next", next)
        .required("items")
        .into()
}

/// Returns what a type takes of a query.
pub(super) fn query<T: IntoParams + DeserializeOwned>() -> Vec<Parameter> {
    T::into_params(|| Some(ParameterIn::Query))
}
