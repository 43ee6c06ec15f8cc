//! Dead letters, as objects in the folder of a run.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use millrace_lambda::Deadline;
use millrace_lambda::objects::{Listed, Object, Objects, ObjectsError};

use crate::output::replace;

/// What the keys of the on-failure destination start with: the mapping chooses them.
const ON_FAILURE_ROOT: &str = "aws";
/// The folder that holds them.
const ON_FAILURE_FOLDER: &str = "on-failure";
/// Most objects of a page, as S3 has it.
const PAGE_LIMIT_OBJECTS: usize = 1_000;

/// Objects as files: a key is a path below the folder, those of the on-failure destination below `on-failure`.
#[derive(Clone, Debug)]
pub struct FolderObjects(PathBuf);

impl FolderObjects {
    /// The objects of this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    fn path(&self, key: &str) -> Result<PathBuf, ObjectsError> {
        let relative = Path::new(key);
        if key.is_empty() || !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(ObjectsError(format!("{key:?} is no key that a file can have")));
        }
        Ok(match relative.starts_with(ON_FAILURE_ROOT) {
            true => self.0.join(ON_FAILURE_FOLDER).join(relative),
            false => self.0.join(relative),
        })
    }

    /// Every file below the folder that holds all keys of this prefix.
    fn files(&self, prefix: &str) -> Result<Vec<Listed>, ObjectsError> {
        let Some((folder, _)) = prefix.rsplit_once('/') else {
            return Err(ObjectsError(format!("{prefix:?} names no folder")));
        };
        let mut files = Vec::new();
        let mut open = vec![(folder.to_owned(), self.path(folder)?)];
        while let Some((key, path)) = open.pop() {
            let entries = match std::fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(failed("list", &path, &error)),
            };
            for entry in entries {
                let entry = entry.map_err(|error| failed("list", &path, &error))?;
                let name = entry.file_name().to_string_lossy().into_owned();
                // A file that is being written, or was when its writer died.
                if name.starts_with('.') {
                    continue;
                }
                let key = format!("{key}/{name}");
                let metadata = entry.metadata().map_err(|error| failed("list", &entry.path(), &error))?;
                match metadata.is_dir() {
                    true => open.push((key, entry.path())),
                    false => files.push(Listed { key, bytes: metadata.len() }),
                }
            }
        }
        Ok(files)
    }
}

impl Objects for FolderObjects {
    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        _deadline: Deadline,
    ) -> Result<Vec<Listed>, ObjectsError> {
        let mut files = self.files(prefix)?;
        files.retain(|file| {
            file.key.starts_with(prefix) && after.is_none_or(|after| file.key.as_str() > after)
        });
        files.sort_unstable_by(|file, other| file.key.cmp(&other.key));
        files.truncate(limit.min(PAGE_LIMIT_OBJECTS));
        Ok(files)
    }

    async fn get(&self, key: &str, limit_bytes: u64, _deadline: Deadline) -> Result<Object, ObjectsError> {
        let path = self.path(key)?;
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.len() > limit_bytes => return Ok(Object::TooLarge),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Object::Absent),
            Ok(_) | Err(_) => {}
        }
        std::fs::read(&path)
            .map(|bytes| Object::Whole(bytes.into()))
            .map_err(|error| failed("read", &path, &error))
    }

    async fn put(&self, key: &str, bytes: Bytes, _deadline: Deadline) -> Result<(), ObjectsError> {
        let path = self.path(key)?;
        replace(&path, &bytes).map_err(|error| failed("write", &path, &error))
    }
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> ObjectsError {
    ObjectsError(format!("cannot {what} {}: {error}", path.display()))
}

/// Objects whose writes wait until they are released: a mark must not be there before what it stands for.
pub(crate) struct Held<O> {
    objects: O,
    writes: Mutex<Vec<(String, Bytes)>>,
}

impl<O: Objects> Held<O> {
    pub(crate) fn new(objects: O) -> Self {
        Self { objects, writes: Mutex::default() }
    }

    /// Carries out what was written, in order.
    pub(crate) async fn release(self) -> Result<(), ObjectsError> {
        let writes = self.writes.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (key, bytes) in writes {
            self.objects.put(&key, bytes, Deadline::NONE).await?;
        }
        Ok(())
    }
}

impl<O: Objects> Objects for Held<O> {
    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        deadline: Deadline,
    ) -> Result<Vec<Listed>, ObjectsError> {
        self.objects.list(prefix, after, limit, deadline).await
    }

    async fn get(&self, key: &str, limit_bytes: u64, deadline: Deadline) -> Result<Object, ObjectsError> {
        self.objects.get(key, limit_bytes, deadline).await
    }

    async fn put(&self, key: &str, bytes: Bytes, _deadline: Deadline) -> Result<(), ObjectsError> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).push((key.to_owned(), bytes));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Deadline = Deadline::NONE;

    #[tokio::test]
    async fn keys_of_the_mapping_lie_below_on_failure_and_temporary_files_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let objects = FolderObjects::new(folder.path());
        objects.put("aws/lambda/m/a", "1".into(), NONE).await.unwrap();
        objects.put("redriven/aws/lambda/m/a", "2".into(), NONE).await.unwrap();
        std::fs::write(folder.path().join("on-failure/aws/lambda/m/.b.tmp"), "torn").unwrap();
        assert!(folder.path().join("on-failure/aws/lambda/m/a").exists());
        assert!(folder.path().join("redriven/aws/lambda/m/a").exists());
        let keys = objects.list("aws/lambda/", None, 10, NONE).await.unwrap();
        assert_eq!(keys, [Listed { key: "aws/lambda/m/a".to_owned(), bytes: 1 }]);
        assert!(objects.list("quarantine/", None, 10, NONE).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_key_never_leaves_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let objects = FolderObjects::new(folder.path());
        for key in ["../a", "/etc/passwd", "a/../../b", ""] {
            assert!(objects.put(key, "x".into(), NONE).await.is_err(), "{key}");
            assert!(objects.get(key, 10, NONE).await.is_err(), "{key}");
        }
    }

    #[tokio::test]
    async fn what_is_held_is_written_when_it_is_released() {
        let folder = tempfile::tempdir().unwrap();
        let objects = FolderObjects::new(folder.path());
        let held = Held::new(objects.clone());
        held.put("redriven/a", "x".into(), NONE).await.unwrap();
        assert_eq!(objects.get("redriven/a", 10, NONE).await, Ok(Object::Absent));
        held.release().await.unwrap();
        assert_eq!(objects.get("redriven/a", 10, NONE).await, Ok(Object::Whole("x".into())));
    }
}
