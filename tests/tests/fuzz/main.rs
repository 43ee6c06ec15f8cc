//! Every fuzz target on its corpus, and on mutations of it that are the same in every run.

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod runs;
