//! The core of one Controller from facts to plans, without a Controller: what a plan says is done
//! here.

#[cfg(test)]
#[path = "lane/world.rs"]
mod world;

#[cfg(test)]
#[path = "lane/cases.rs"]
mod cases;
#[cfg(test)]
#[path = "lane/counts.rs"]
mod counts;
#[cfg(test)]
#[path = "lane/fleet.rs"]
mod fleet;
#[cfg(test)]
#[path = "lane/hostile.rs"]
mod hostile;
#[cfg(test)]
#[path = "lane/properties.rs"]
mod properties;
#[cfg(test)]
#[path = "lane/routes.rs"]
mod routes;
