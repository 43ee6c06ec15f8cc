//! Inputs after public bug reports of programs that do the same job, through the built program.

mod files;
mod output;
mod run;
mod values;
