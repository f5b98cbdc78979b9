//! x

use crate::execute::Handler;

pub(super) const HANDLERS: &[(&str, Handler)] = &[];
