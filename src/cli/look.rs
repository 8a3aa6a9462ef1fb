//! The database as it is: opened so that looking at it creates and changes nothing.

use std::io;
use std::path::{Path, PathBuf};

use sea_orm::sqlx::sqlite::SqliteConnectOptions;

use crate::config::Config;
use crate::sidecar::ports::store_options;
use crate::store::{Error, Store};

pub(super) enum Database {
    Open(Store),
    /// The SQLite file that is not there, or has nothing in it.
    Absent(PathBuf),
}

/// # Errors
/// As for [`Store::connect`].
pub(super) async fn open(config: &Config) -> Result<Database, Error> {
    let mut options = store_options(config);
    if config.database.is_sqlite()
        && let Some(file) = file_of(&options.url)
    {
        match file.metadata() {
            Ok(metadata) if metadata.len() > 0 => {}
            Ok(_) => return Ok(Database::Absent(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Database::Absent(file));
            }
            Err(error) => {
                return Err(Error::Unavailable { detail: format!("{}: {error}", file.display()) });
            }
        }
        options.url = untouched(&options.url, &file);
    }
    Store::connect(options).await.map(Database::Open)
}

/// None for what the store refuses by itself: no file, or no address.
fn file_of(url: &str) -> Option<PathBuf> {
    let is_in_memory = url.contains(":memory:") || url.contains("mode=memory");
    let options = url.parse::<SqliteConnectOptions>().ok().filter(|_| !is_in_memory)?;
    Some(options.get_filename().to_owned())
}

/// The address under which SQLite writes nothing. Even a reader makes files beside the
/// database to share it with others; without a write-ahead log there are no others, and it
/// can be told so.
fn untouched(url: &str, file: &Path) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let immutable = if Path::new(&log).exists() { "" } else { "&immutable=true" };
    format!("{url}{separator}mode=ro{immutable}")
}
