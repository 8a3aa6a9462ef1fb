//! Message headers (`spec/rules.md` section 3). All of them are text.

use uuid::Uuid;

use crate::domain::Tenant;
use crate::wire::TraceParent;

pub use crate::wire::kafka::headers::{MAJOR_VERSION, MINOR_VERSION, REGION, TENANT_ID};

/// The event id: JetStream drops a second message with the same one.
pub const MSG_ID: &str = "Nats-Msg-Id";
/// W3C trace context.
pub const TRACEPARENT: &str = "traceparent";
/// The character's own gapless number of the event, from 1, decimal.
pub const CHARACTER_SEQ: &str = "character-seq";

/// The headers of one event. Without a `trace` there is no `traceparent`.
pub fn of(
    event_id: Uuid,
    seq: u64,
    tenant: &Tenant,
    trace: Option<TraceParent>,
) -> impl Iterator<Item = (&'static str, String)> {
    [
        (MSG_ID, event_id.to_string()),
        (TENANT_ID, tenant.id.to_string()),
        (REGION, tenant.region.to_string()),
        (MAJOR_VERSION, tenant.major.to_string()),
        (MINOR_VERSION, tenant.minor.to_string()),
        (CHARACTER_SEQ, seq.to_string()),
    ]
    .into_iter()
    .chain(trace.map(|trace| (TRACEPARENT, trace.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::TenantId;

    #[test]
    fn an_event_carries_its_id_its_tenant_as_text_its_number_and_its_trace() {
        let tenant =
            Tenant { id: TenantId(Uuid::from_u128(7)), region: "GMS".into(), major: 83, minor: 1 };
        let trace = TraceParent { trace_id: [0xab; 16], span_id: [0xcd; 8], flags: 1 };
        let headers: Vec<_> = of(Uuid::from_u128(9), 42, &tenant, Some(trace)).collect();
        let expected = [
            ("Nats-Msg-Id", "00000000-0000-0000-0000-000000000009"),
            ("TENANT_ID", "00000000-0000-0000-0000-000000000007"),
            ("REGION", "GMS"),
            ("MAJOR_VERSION", "83"),
            ("MINOR_VERSION", "1"),
            ("character-seq", "42"),
            ("traceparent", "00-abababababababababababababababab-cdcdcdcdcdcdcdcd-01"),
        ];
        assert_eq!(headers, expected.map(|(name, value)| (name, value.to_owned())));
    }
}
