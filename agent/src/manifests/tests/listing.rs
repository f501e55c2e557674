use std::collections::BTreeSet;

use tokio::sync::Notify;

use super::*;

/// A folder whose lists end when they are let go, and that tells of single files.
#[derive(Default)]
struct Slow {
    files: MemoryFiles,
    begun: Notify,
    go: Notify,
    whole: Mutex<BTreeSet<String>>,
    news: Notify,
}

impl Slow {
    fn put(&self, path: &str, content: String) {
        self.files.put(path, content);
        self.whole.lock().unwrap().insert(path.to_owned());
        self.news.notify_one();
    }
}

#[async_trait]
impl Files for Slow {
    async fn list(&self) -> io::Result<Listing> {
        let listed = self.files.list().await;
        self.begun.notify_one();
        self.go.notified().await;
        listed
    }

    async fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.files.read(path).await
    }

    async fn stamp(&self, path: &str) -> io::Result<Stamp> {
        self.files.stamp(path).await
    }

    async fn changed(&self) -> Change {
        loop {
            let whole = std::mem::take(&mut *self.whole.lock().unwrap());
            if !whole.is_empty() {
                return Change::Files(whole);
            }
            self.news.notified().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changes_while_the_folder_is_listed_waits_for_nothing() {
    let files = Arc::new(Slow::default());
    files.files.put("a.yaml", service("a", "x", 1));
    let clock = Clock::virtual_from(Timestamp::UNIX_EPOCH);
    let source = Manifests::new(files.clone(), None, clock);
    let mut feed = source.watch(&Lane::new(kind(), Extent::All), &WatchItem::default());
    files.go.notify_one();
    files.begun.notified().await;
    assert_eq!(said(&mut feed).await, ["listing", "+a/x 1", "listed"]);
    files.begun.notified().await;
    files.put("a.yaml", service("a", "x", 2));
    files.put("b.yaml", service("a", "y", 1));
    assert_eq!(said(&mut feed).await, ["+a/x 2", "+a/y 1"]);
    // What the older list does not name is there all the same.
    files.go.notify_one();
    files.begun.notified().await;
    assert_eq!(said(&mut feed).await, [""; 0]);
}
