//! What a name is: [`DomainName`], [`SubjectAltName`], the public suffix of a name, and the
//! [`NameTree`] that holds each distinct name and ancestor once.
//!
//! Pure: no I/O, no clock. Knows nothing of certificates or DNS answers.

mod domain_name;
mod san;
mod suffix;
mod tree;

pub use domain_name::{DomainName, NameError};
pub use san::{DropClass, SanRef, SubjectAltName};
pub(crate) use suffix::registered_domain_by;
pub use suffix::{SuffixKind, is_known_tld, is_public_suffix, public_suffix, registered_domain, suffix_list_version};
pub(crate) use tree::BATCH;
pub use tree::{NameTree, NodeId, SanId};
