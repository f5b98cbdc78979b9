//! What is set about users.

use std::path::PathBuf;

use crate::acl::FirstChannels;
use crate::config::Values;

/// The `acl…` directives.
#[derive(Clone, Debug)]
pub(crate) struct AclSettings {
    /// The file of users, if they live in one.
    pub(crate) file: Option<PathBuf>,
    /// Refusals that are remembered (count).
    pub(crate) log_len_max: usize,
    /// Channels of users that nothing was said of yet.
    pub(crate) first_channels: FirstChannels,
}

impl AclSettings {
    pub(super) fn read(values: &Values) -> AclSettings {
        AclSettings {
            file: Some(values.text("aclfile")).filter(|path| !path.is_empty()).map(PathBuf::from),
            log_len_max: values.number("acllog-max-len"),
            first_channels: match values.text("acl-pubsub-default") {
                "allchannels" => FirstChannels::All,
                _ => FirstChannels::None,
            },
        }
    }
}
