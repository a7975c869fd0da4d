pub mod cases;
pub mod client;
pub mod commands;
pub mod daemon;
pub mod pattern;
pub mod serve;
pub mod tasks;
