//! A tenant as the message headers give it.

use super::ids::TenantId;

/// A tenant with the attributes that travel beside its id. The id alone is the key of
/// all data; region and version are echoed into what the tenant's characters cause.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Tenant {
    pub id: TenantId,
    /// `REGION`, for example `GMS`.
    pub region: Box<str>,
    /// `MAJOR_VERSION`.
    pub major: u16,
    /// `MINOR_VERSION`.
    pub minor: u16,
}
