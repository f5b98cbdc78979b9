//! Commands as rows.
