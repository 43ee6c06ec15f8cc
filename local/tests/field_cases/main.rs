//! Inputs after public bug reports of programs that do the same job, through the built program.

#[cfg(test)]
mod files;
#[cfg(test)]
mod output;
#[cfg(test)]
mod run;
#[cfg(test)]
mod values;
