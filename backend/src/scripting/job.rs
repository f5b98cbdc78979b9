//! What is asked of Lua, and what comes of it.

use std::collections::BTreeMap;
use std::ffi::c_int;
use std::rc::Rc;

use reddoor_protocol::encode::Resp;

use crate::scripting::flags::ScriptFlags;

/// A script's digest: 40 hexadecimal digits in lower case.
pub(crate) type Digest = [u8; 40];

/// One thing for Lua to do.
pub(super) enum Job {
    /// Compile a script and keep it under its number.
    Compile { number: c_int, source: Rc<[u8]> },
    /// Forget a script.
    Forget(c_int),
    /// Run a script or a function with the words that were given. The first of them are its keys.
    Run { what: What, keys_count: usize, resp: Resp },
    /// Run the code of a library, and keep the functions that it registers under this number.
    LoadLibrary { number: u64, source: Rc<[u8]> },
    /// Forget all functions of a library.
    ForgetLibrary(u64),
    /// Heed the limit of memory, which has changed.
    Limit,
    /// Give garbage back.
    Collect,
}

/// What is run.
#[derive(Clone, Debug)]
pub(super) enum What {
    Script { digest: Digest, number: c_int },
    Function { library: u64, name: String },
}

/// What came of a job.
pub(super) enum Done {
    /// The job is done and has nothing to say.
    Ok,
    /// A script's reply, in the version that was asked for.
    Replied { bytes: Vec<u8>, errors: Errors },
    /// Functions of a library, by name.
    Loaded(BTreeMap<String, FunctionInfo>),
    /// It did not compile, or a library did not run: in the words of Lua.
    Failed(Vec<u8>),
}

impl Done {
    /// There is no Lua that could do it.
    pub(super) fn ended() -> Done {
        Done::Failed(b"ERR Lua has ended".to_vec())
    }
}

/// The errors in a script's reply.
#[derive(Debug, Default)]
pub(super) struct Errors {
    /// Codes of those that nobody has counted yet.
    pub(super) uncounted: Vec<String>,
    /// How many were counted where they came from.
    pub(super) counted: u64,
}

/// What is known of one function.
#[derive(Clone, Debug)]
pub(crate) struct FunctionInfo {
    pub(crate) description: Option<Vec<u8>>,
    pub(crate) flags: ScriptFlags,
}
