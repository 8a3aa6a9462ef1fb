//! As much of the pets API as the load generator asks: to create a pet, and to look one up.

use std::net::TcpListener;
use std::sync::mpsc::SyncSender;
use std::thread;

use actix_web::web::{self, Data, Path};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use menagerie::domain::{CharacterId, CharacterKey, PetId, PetKey, Tenant, TenantId};
use menagerie::store::Store;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use uuid::Uuid;

/// A pet to be created; its number is told once it is committed.
pub struct Order {
    pub tenant: Tenant,
    pub owner: CharacterKey,
    pub template_id: u32,
    pub reply: oneshot::Sender<PetId>,
}

#[derive(Clone)]
struct Shop {
    orders: SyncSender<Order>,
    store: Store,
    runtime: Handle,
}

/// Serves on `PEER_PORT`, in threads of its own.
pub fn serve(orders: SyncSender<Order>, store: &Store, runtime: &Handle) -> anyhow::Result<()> {
    let port: u16 = std::env::var("PEER_PORT")?.parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    let shop = Shop { orders, store: store.clone(), runtime: runtime.clone() };
    let app = move || {
        App::new()
            .app_data(Data::new(shop.clone()))
            .route("/api/characters/{owner}/pets", web::post().to(create))
            .route("/api/pets/{pet}", web::get().to(look_up))
    };
    let server = HttpServer::new(app).workers(2).disable_signals().listen(listener)?.run();
    thread::spawn(move || actix_web::rt::System::new().block_on(server));
    Ok(())
}

async fn create(
    shop: Data<Shop>,
    owner: Path<u32>,
    body: web::Json<Value>,
    request: HttpRequest,
) -> HttpResponse {
    let Some(tenant) = tenant(&request) else { return HttpResponse::BadRequest().finish() };
    let template = body["data"]["attributes"]["templateId"].as_u64();
    let template_id = template.and_then(|id| u32::try_from(id).ok()).unwrap_or_default();
    let owner = CharacterKey { tenant: tenant.id, character: CharacterId(*owner) };
    let (reply, created) = oneshot::channel();
    let order = Order { tenant, owner, template_id, reply };
    let orders = shop.orders.clone();
    let sent = web::block(move || orders.send(order).is_ok()).await;
    match (sent, created.await) {
        (Ok(true), Ok(pet)) => HttpResponse::Created()
            .json(json!({ "data": { "type": "pets", "id": pet.0.to_string() } })),
        _ => HttpResponse::ServiceUnavailable().finish(),
    }
}

async fn look_up(shop: Data<Shop>, pet: Path<u32>, request: HttpRequest) -> HttpResponse {
    let Some(tenant) = tenant(&request) else { return HttpResponse::BadRequest().finish() };
    let key = PetKey { tenant: tenant.id, pet: PetId(*pet) };
    let store = shop.store.clone();
    match shop.runtime.spawn(async move { store.pet(key).await }).await {
        Ok(Ok(Some((_, pet)))) => HttpResponse::Ok().json(json!({ "data": {
            "type": "pets", "id": pet.id.0.to_string(),
            "attributes": {
                "level": pet.level, "closeness": pet.closeness, "fullness": pet.fullness,
                "slot": pet.slot,
            },
        } })),
        Ok(Ok(None)) => HttpResponse::NotFound().finish(),
        _ => HttpResponse::ServiceUnavailable().finish(),
    }
}

fn tenant(request: &HttpRequest) -> Option<Tenant> {
    let header = |name| request.headers().get(name)?.to_str().ok();
    Some(Tenant {
        id: TenantId(Uuid::try_parse(header("TENANT_ID")?).ok()?),
        region: header("REGION")?.into(),
        major: header("MAJOR_VERSION")?.parse().ok()?,
        minor: header("MINOR_VERSION")?.parse().ok()?,
    })
}
