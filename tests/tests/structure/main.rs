//! What the architecture forbids, read from the manifests and sources themselves.

#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod features;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod profile;
#[cfg(test)]
mod shape;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod workflow;
#[cfg(test)]
mod workspace;
