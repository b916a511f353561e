//! Boards that exist, without having them: images with every section where the chip has memory, and tables of registers
//! that bring a simulated chip up in the order and to the clocks that its reference manual allows.

mod chip;
mod families;
mod images;
mod order;
