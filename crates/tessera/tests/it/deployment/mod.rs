//! What Tessera is deployed with: its image, and the files that start it in other people's houses.

mod image;
mod manifests;
mod probe;
