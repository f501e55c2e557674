//! What AKO made of the corpus, held against what we make of it; and what must hold on the way.

mod order;
mod parity;
mod served;
mod shuffle;
mod silent;
mod walk;
