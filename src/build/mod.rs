//! The recipe: pull, extract, assemble, push, report.

pub mod report;
