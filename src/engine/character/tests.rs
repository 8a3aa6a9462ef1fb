use bytes::Bytes;
use chrono::Utc;

use super::*;
use crate::domain::character::{Status, StatusChange};
use crate::domain::{CharacterId, Rules, Tenant, TenantId};
use crate::engine::record::{Cause, Partition, Target};
use crate::engine::round::{Collected, RecordOrigin};

/// Where a round says that everybody has answered.
struct Ears;

impl Actor for Ears {
    type Context = Context<Self>;
}

impl Handler<Collected> for Ears {
    type Result = ();

    fn handle(&mut self, _: Collected, _: &mut Context<Self>) {}
}

fn from_kafka() -> Origin {
    let source = Arc::new(Partition { topic: "commands".into(), partition: 0 });
    Origin::Record(RecordOrigin { source, offset: 0, at: Utc::now(), original: Bytes::new() })
}

#[actix_rt::test]
async fn only_what_the_registry_may_not_have_yet_is_news() {
    let id = TenantId(Uuid::nil());
    let tenant = Arc::new(Tenant { id, region: "GMS".into(), major: 83, minor: 1 });
    let key = CharacterKey { tenant: id, character: CharacterId(1) };
    let actor = CharacterActor::new(Owner::new(tenant, key.character)).start();
    let status = |change| {
        Input::Status(Status { transaction: Uuid::nil(), world: 0, at: Utc::now(), change })
    };
    let login = || status(StatusChange::Login { channel: 0, map: 1, instance: Uuid::nil() });
    for (origin, input, is_news, why) in [
        (from_kafka(), login(), true, "it came online"),
        (from_kafka(), login(), false, "it is where it was"),
        (Origin::Clock, Input::Tick, true, "the clock is to be told when to come again"),
        (from_kafka(), status(StatusChange::Logout), true, "it is offline"),
    ] {
        let (catalog, rules) = (Arc::new(Catalog::builtin()), Rules::default());
        let ears = Ears.start().recipient();
        let round = Arc::new(RoundContext::new(1, Utc::now(), catalog, rules, false, 1, ears));
        let target = Target::Owner(key);
        let cause = Arc::new(Cause::none());
        let items = vec![Item { origin, target, input, cause, index: 0, is_suspect: false }];
        let envelope = Envelope::to_character(&Arc::default());
        let round_of_it = Arc::clone(&round);
        let message = TakeRound { key, items, round: round_of_it, envelope, is_answered: false };
        assert!(actor.send(message).await.is_ok());
        let answers = round.take_results();
        assert_eq!(
            answers.iter().map(|answer| answer.is_news).collect::<Vec<_>>(),
            [is_news],
            "{why}"
        );
    }
}
