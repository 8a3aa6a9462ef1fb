//! A simulated world: the game servers, as Menagerie meets them. A real client, over the
//! same topics and the same API as everybody else; `demo` and `load` are built from it.

pub mod books;
pub mod crowd;
pub mod heroes;
pub mod players;
pub mod reader;
pub mod sender;
pub mod shop;
pub mod topics;

pub use books::Books;
pub use crowd::Crowd;
pub use reader::Reader;
pub use sender::Sender;
pub use topics::Topics;
