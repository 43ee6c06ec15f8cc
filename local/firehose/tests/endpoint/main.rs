//! The endpoint from outside: calls in, files out.

#[cfg(test)]
mod delivery;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod http;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod parquet_files;
