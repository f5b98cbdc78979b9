//! Geo: members of sorted sets with places as their scores.

use crate::execute::Handler;

pub(super) const HANDLERS: &[(&str, Handler)] = &[];
