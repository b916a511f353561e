//! The board protocol from the outside: this host against the real device loop, and against boards that follow a
//! script where the real loop cannot misbehave.

mod device;
mod dialogue;
mod faults;
mod frames;
mod random;
mod script;
mod unruly;
mod wire;
