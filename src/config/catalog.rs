//! Reads the catalog's files from the folder `catalog.dir` names.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::domain::Catalog;
use crate::domain::catalog::{self, CHARACTERS_FILE, MAPS_FILE, PETS_FILE, ParseError};

/// Why a catalog could not be loaded. Whoever reloads keeps the one it has.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("{}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}/{source}", dir.display())]
    Invalid { dir: PathBuf, source: ParseError },
}

/// Loads `pets.toml`, `maps.toml` and, if it is there, `characters.toml` from `dir`.
///
/// # Errors
/// A file that cannot be read, or the file, line and reason of the first thing wrong in one.
pub fn load(dir: &Path) -> Result<Catalog, CatalogError> {
    let read = |file: &str| {
        let path = dir.join(file);
        fs::read_to_string(&path).map_err(|source| CatalogError::Unreadable { path, source })
    };
    let (pets, maps) = (read(PETS_FILE)?, read(MAPS_FILE)?);
    // Younger than the others: a folder from before it is complete without.
    let characters = match read(CHARACTERS_FILE) {
        Err(CatalogError::Unreadable { source, .. }) if source.kind() == ErrorKind::NotFound => {
            catalog::CHARACTERS.to_owned()
        }
        read => read?,
    };
    Catalog::parse(&pets, &maps, &characters)
        .map_err(|source| CatalogError::Invalid { dir: dir.to_owned(), source })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_shipped_folder_is_the_catalog_compiled_in() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/catalog");
        assert_eq!(load(&dir).unwrap(), Catalog::builtin());
    }

    #[test]
    fn a_missing_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(PETS_FILE), "").unwrap();
        let error = load(dir.path()).unwrap_err().to_string();
        assert!(error.contains(MAPS_FILE), "{error}");
    }

    #[test]
    fn a_bad_file_is_named_with_its_line_and_why() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join(PETS_FILE),
            "\n[[pet]]\ntemplate_id = 7\nname = \"\"\nhunger = 0\nlife_days = 1\n",
        )
        .unwrap();
        fs::write(dir.path().join(MAPS_FILE), "").unwrap();
        let error = load(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("pets.toml:3: template_id must be 5000000..=5009999, not 7"),
            "{error}"
        );
    }
}
