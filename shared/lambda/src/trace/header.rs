//! What Lambda says of the trace that an invocation belongs to.

/// A trace header of a sampled invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The trace.
    pub(super) root: String,
    /// The segment of Lambda's that ours lies in.
    pub(super) parent: String,
}

impl Header {
    /// Reads a header such as `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`; `None` where it
    /// is none, or says that the invocation is not sampled.
    pub(crate) fn read(header: &str) -> Option<Self> {
        let part = |name: &str| {
            let mut parts = header.split(';').filter_map(|part| part.trim().split_once('='));
            parts.find(|(found, _)| *found == name).map(|(_, value)| value)
        };
        let sampled = part("Sampled") == Some("1");
        let (root, parent) = (part("Root")?, part("Parent")?);
        sampled.then(|| Self { root: root.to_owned(), parent: parent.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sampled_invocations_have_a_trace() {
        let root = "1-5759e988-bd862e3fe1be46a994272793";
        let read = |rest: &str| Header::read(&format!("Root={root};{rest}"));
        let expected = Header { root: root.to_owned(), parent: "53995c3f42cd8ad8".to_owned() };
        assert_eq!(read("Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:abc:0"), Some(expected));
        for other in ["Parent=53995c3f42cd8ad8;Sampled=0", "Parent=53995c3f42cd8ad8", "Sampled=1", ""] {
            assert_eq!(read(other), None, "{other}");
        }
        assert_eq!(Header::read("Parent=53995c3f42cd8ad8;Sampled=1"), None);
    }
}
