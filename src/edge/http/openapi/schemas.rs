//! The schemas of bodies, with all that they are made of.

use utoipa::ToSchema;
use utoipa::openapi::{ComponentsBuilder, RefOr, Schema};

#[derive(Default)]
pub struct Schemas(Vec<(String, RefOr<Schema>)>);

impl Schemas {
    /// Of what callers send.
    pub fn read<T: ToSchema>(&mut self) {
        self.0.push((T::name().into_owned(), T::schema()));
        T::schemas(&mut self.0);
    }

    /// Of what callers are sent: every field is always there, if only as null.
    pub fn written<T: ToSchema>(&mut self) {
        let from = self.0.len();
        self.read::<T>();
        for (_, schema) in self.0.iter_mut().skip(from) {
            if let RefOr::T(Schema::Object(object)) = schema {
                object.required = object.properties.keys().cloned().collect();
            }
        }
    }

    pub fn into_components(self) -> ComponentsBuilder {
        ComponentsBuilder::new().schemas_from_iter(self.0)
    }
}
