//! What people changed through the operator's API.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::comments::comment;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("audit_log")
                    .col(uuid("id").primary_key())
                    .col(timestamp_with_time_zone("at"))
                    .col(text_null("who"))
                    .col(text("role"))
                    .col(text("action"))
                    .col(text_null("target"))
                    .col(text_null("detail"))
                    .col(text_null("outcome"))
                    .col(text("request_id"))
                    .take(),
            )
            .await?;
        comment(manager, COMMENTS).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("audit_log").take()).await
    }
}

const COMMENTS: &[(&str, &str)] = &[
    ("audit_log", "What people changed through the operator's API; nothing deletes from it"),
    ("audit_log.id", "A UUID of version 7: the order is that of time"),
    ("audit_log.who", "Name of the token; null where nobody needs credentials"),
    ("audit_log.outcome", "done, or the code of the error; null of what was cut off"),
];
