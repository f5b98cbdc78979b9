//! The Lua state: what is loaded into it, its limits, and the jobs that it runs.
//!
//! Everything here runs on the stack of a [`Fiber`](crate::scripting::fiber::Fiber).
//! What stock Lua 5.1 leaves open is closed here: compiled code is refused, the collector rests while the compiler
//! runs (its chunk's name is not anchored), memory has a limit, and the hook sees to time.

use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::rc::Rc;
use std::time::Instant;

use mlua::chunk::ChunkMode;
use mlua::{
    Function, HookTriggers, Lua, LuaOptions, LuaString, MultiValue, Result, StdLib, Table, Value,
    VmState,
};
use reddoor_protocol::encode::Resp;
use reddoor_protocol::request::ArgsBuf;

use crate::propagate::Reach;
use crate::scripting::api;
use crate::scripting::fault::{self, Fault};
use crate::scripting::fiber::{Event, Resume, ask};
use crate::scripting::job::{Done, Errors, Job, What};
use crate::scripting::libraries;
use crate::scripting::random::Random48;
use crate::scripting::raw::{Ended, Place, Runner, Tables};
use crate::scripting::register::Registration;
use crate::scripting::reply::Replier;

/// Instructions between two looks at the clock.
const LOOK_INSTRUCTIONS: u32 = 1000;

/// The name of the prelude's chunk.
const PRELUDE: &str = "=prelude";

/// Garbage that is left between two scripts (bytes); more is collected at once.
const GARBAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What the functions of the state share with it and with the node's side.
pub(super) struct Shared {
    /// Set when the script must end: nothing may run on.
    pub(super) is_killed: Cell<bool>,
    /// When the hook hands the thread over next.
    pub(super) look_at: Cell<Option<Instant>>,
    /// The version that commands answer in, as `redis.setresp` has it.
    pub(super) resp: Cell<Resp>,
    pub(super) reach: Cell<Reach>,
    pub(super) random: RefCell<Random48>,
    /// Present while a library is loaded.
    pub(super) registration: RefCell<Option<Registration>>,
    pub(super) used_bytes: Cell<usize>,
    /// The arguments of the next call.
    pub(super) given: RefCell<ArgsBuf>,
    /// The command that is asked for, and the reply to it: buffers that are used again, as `given` is.
    pub(super) words: RefCell<ArgsBuf>,
    pub(super) reply: RefCell<Vec<u8>>,
    /// Memory that Lua may use, so that no string need be longer (bytes).
    pub(super) memory_bytes_max: Cell<usize>,
}

impl Shared {
    pub(super) fn new(memory_bytes_max: usize) -> Shared {
        Shared {
            is_killed: Cell::new(false),
            look_at: Cell::new(None),
            resp: Cell::new(Resp::V2),
            reach: Cell::new(Reach::All),
            random: RefCell::new(Random48::default()),
            registration: RefCell::new(None),
            used_bytes: Cell::new(0),
            given: RefCell::default(),
            words: RefCell::default(),
            reply: RefCell::default(),
            memory_bytes_max: Cell::new(memory_bytes_max),
        }
    }

    /// Whether the code of a library runs for the first time.
    pub(super) fn is_loading(&self) -> bool {
        self.registration.borrow().is_some()
    }

    /// The longest string that is worth trying to make (bytes).
    pub(super) fn string_bytes_max(&self) -> usize {
        self.memory_bytes_max.get()
    }

    /// To be called now and then by what takes long: lets the node go on with other things, if it is time.
    ///
    /// # Errors
    /// The script was killed.
    pub(super) fn look(&self) -> Result<()> {
        if !self.is_killed.get() && self.look_at.get().is_some_and(|at| at <= Instant::now()) {
            self.is_killed.set(matches!(ask(Event::Paused), Resume::Kill | Resume::End));
        }
        if self.is_killed.get() { Err(Fault::Killed.raise()) } else { Ok(()) }
    }
}

/// The body of the fiber: loads everything, then runs jobs until there are no more.
pub(super) fn serve(shared: &Rc<Shared>, memory_bytes_max: usize) {
    let prepared = prepare(shared, memory_bytes_max);
    let loaded = prepared.and_then(|lua| Machine::load(lua, shared));
    let mut machine = match loaded {
        Ok(machine) => machine,
        Err(error) => {
            ask(Event::Ready(Err(error.to_string())));
            return;
        }
    };
    let mut resume = ask(Event::Ready(Ok(())));
    while let Resume::Job(job) = resume {
        let done = machine.run(job);
        resume = ask(Event::Done(done));
    }
}

/// An empty state with its limits.
fn prepare(shared: &Rc<Shared>, memory_bytes_max: usize) -> Result<Lua> {
    let libs = StdLib::STRING | StdLib::TABLE | StdLib::MATH;
    let lua = Lua::new_with(libs, LuaOptions::new())?;
    lua.set_memory_limit(memory_bytes_max)?;
    let hooked = Rc::clone(shared);
    let triggers = HookTriggers::new().every_nth_instruction(LOOK_INSTRUCTIONS);
    lua.set_global_hook(triggers, move |_, _| hooked.look().map(|()| VmState::Continue))?;
    Ok(lua)
}

/// A state that is ready for scripts.
struct Machine {
    lua: Lua,
    shared: Rc<Shared>,
    script_globals: Table,
    library_globals: Table,
    run_loading: Function,
    runner: Runner,
    replier: Replier,
    /// Functions by their numbers. They are kept by Lua, since the bridge has room for a few thousand values only.
    scripts: Table,
    /// For each library a table of its functions, by their names.
    libraries: Table,
    collected_bytes: usize,
}

impl Machine {
    fn load(lua: Lua, shared: &Rc<Shared>) -> Result<Machine> {
        let state = lua.clone();
        let lua = &state;
        let host = lua.create_table()?;
        install_faults(lua, shared, &host)?;
        host.raw_set("compile", lua.create_function(compile_for_script)?)?;
        libraries::install(lua, shared, &host)?;
        host.raw_set("script_api", api::for_scripts(lua, shared)?)?;
        host.raw_set("library_api", api::for_functions(lua, shared)?)?;
        host.raw_set("loading_api", api::for_loading(lua, shared)?)?;
        let prelude = lua.load(include_str!("prelude.lua")).set_name(PRELUDE);
        let (script_globals, globals, library_globals, strings, run_loading) =
            prelude.call::<(Table, Table, Table, Table, Function)>((&host, lua.globals()))?;
        lua.set_type_metatable::<LuaString>(Some(strings));
        lua.set_globals(script_globals.clone())?;
        let (scripts, libraries) = (lua.create_table()?, lua.create_table()?);
        let handler = host.raw_get("error_handler")?;
        let tables = Tables {
            scripts: &scripts,
            libraries: &libraries,
            globals: &globals,
            handler: &handler,
        };
        Ok(Machine {
            collected_bytes: lua.used_memory(),
            runner: Runner::new(lua, &tables)?,
            scripts,
            libraries,
            lua: state,
            shared: Rc::clone(shared),
            script_globals,
            library_globals,
            run_loading,
            replier: Replier,
        })
    }

    fn run(&mut self, job: Job) -> Done {
        let done = match job {
            Job::Compile { number, source } => self.compile(number, &source),
            Job::Forget(number) => self.scripts.raw_set(number, Value::Nil).map(|()| Done::Ok),
            Job::Run { what, keys_count, resp } => {
                let mut words = self.shared.given.take();
                let done = self.call(&what, &words, keys_count, resp);
                words.clear();
                self.shared.given.replace(words);
                done
            }
            Job::LoadLibrary { number, source } => self.load_library(number, &source),
            Job::ForgetLibrary(number) => {
                self.libraries.raw_set(number, Value::Nil).map(|()| Done::Ok)
            }
            Job::Limit => {
                self.lua.set_memory_limit(self.shared.memory_bytes_max.get()).map(|_| Done::Ok)
            }
            Job::Collect => {
                self.collect();
                Ok(Done::Ok)
            }
        };
        self.shared.is_killed.set(false);
        if self.lua.used_memory() > self.collected_bytes.saturating_add(GARBAGE_BYTES_MAX) {
            self.collect();
        }
        self.shared.used_bytes.set(self.lua.used_memory());
        done.unwrap_or_else(|error| Done::Failed(text_of(&self.lua, error)))
    }

    fn collect(&mut self) {
        // It only fails where a finalizer does, and there are none.
        let _ = self.lua.gc_collect();
        self.collected_bytes = self.lua.used_memory();
    }

    fn compile(&mut self, number: c_int, source: &[u8]) -> Result<Done> {
        match compile(&self.lua, source, "@user_script", Some(self.script_globals.clone())) {
            Ok(function) => {
                self.scripts.raw_set(number, function)?;
                Ok(Done::Ok)
            }
            Err(error) => Ok(Done::Failed(text_of(&self.lua, error))),
        }
    }

    fn call(
        &mut self,
        what: &What,
        words: &ArgsBuf,
        keys_count: usize,
        resp: Resp,
    ) -> Result<Done> {
        self.shared.resp.set(Resp::V2);
        self.shared.reach.set(Reach::All);
        let place = match what {
            What::Script { number, .. } => Place::Script(*number),
            What::Function { library, name } => Place::Function(*library as f64, name.as_bytes()),
        };
        let resps = (resp, &self.shared.resp);
        let value = match self.runner.call(place, words.args(), keys_count, resps)? {
            Ended::Plain(bytes) => return Ok(Done::Replied { bytes, errors: Errors::default() }),
            Ended::Table(value) => {
                return self.replier.reply(&self.lua, &self.shared, &value, resp);
            }
            Ended::Raised(value) => value,
        };
        let label = match what {
            What::Script { digest, .. } => String::from_utf8_lossy(digest),
            What::Function { name, .. } => name.into(),
        };
        self.replier.error(&self.lua, value, &label)
    }

    fn load_library(&mut self, number: u64, source: &[u8]) -> Result<Done> {
        let globals = Some(self.library_globals.clone());
        let function = match compile(&self.lua, source, "@user_function", globals) {
            Ok(function) => function,
            Err(error) => {
                let mut text = b"ERR Error compiling function: ".to_vec();
                text.extend_from_slice(&text_of(&self.lua, error));
                return Ok(Done::Failed(text));
            }
        };
        *self.shared.registration.borrow_mut() = Some(Registration::new(self.lua.create_table()?));
        let result = self.run_loading.call::<(bool, Value)>(function);
        let registration = self.shared.registration.borrow_mut().take();
        if self.shared.is_killed.get() {
            // Nobody but the clock ends it: while a library is loaded no client is served.
            return Ok(Done::Failed(LOAD_TIMEOUT.to_vec()));
        }
        let (is_ok, value) = result?;
        if !is_ok {
            let mut text = b"ERR Error registering functions: ".to_vec();
            text.extend_from_slice(&self.replier.error_text(&self.lua, value)?);
            return Ok(Done::Failed(text));
        }
        let (infos, functions) = registration.map(Registration::into_parts).unzip();
        self.libraries.raw_set(number, functions)?;
        Ok(Done::Loaded(infos.unwrap_or_default()))
    }
}

/// What is said of a library whose code runs for too long.
const LOAD_TIMEOUT: &[u8] = b"ERR Error registering functions: ERR FUNCTION LOAD timeout";

/// Makes a function of a text.
fn compile(lua: &Lua, source: &[u8], name: &str, globals: Option<Table>) -> Result<Function> {
    // What is compiled code begins so; behind a space it is a text with an odd beginning, and no Lua.
    let spaced: Vec<u8>;
    let source = if source.first() == Some(&0x1b) {
        spaced = [b" ", source].concat();
        &spaced
    } else {
        source
    };
    lua.gc_stop();
    let mut chunk = lua.load(source).set_name(name).set_mode(ChunkMode::Text);
    if let Some(globals) = globals {
        chunk = chunk.set_environment(globals);
    }
    let function = chunk.into_function();
    lua.gc_restart();
    function
}

/// `load` and `loadstring`: the function, or nil and what is wrong with the text.
fn compile_for_script(lua: &Lua, (text, name): (LuaString, Value)) -> Result<(Value, Value)> {
    let name = match &name {
        Value::String(name) => name.to_string_lossy(),
        _ => "=?".to_owned(),
    };
    // A text of C ends at its first zero byte.
    let name = name.split('\0').next().unwrap_or_default();
    match compile(lua, &text.as_bytes(), name, None) {
        Ok(function) => Ok((Value::Function(function), Value::Nil)),
        Err(error) => {
            let text = lua.create_string(text_of(lua, error))?;
            Ok((Value::Nil, Value::String(text)))
        }
    }
}

/// The words of an error that left Lua.
fn text_of(lua: &Lua, error: mlua::Error) -> Vec<u8> {
    match error {
        mlua::Error::SyntaxError { message, .. } => message.into_bytes(),
        error if matches!(error.downcast_ref::<Fault>(), Some(Fault::Killed)) => {
            api::KILLED.as_bytes().to_vec()
        }
        error => match fault::settle(lua, Value::Error(Box::new(error))) {
            Ok(Value::String(text)) => text.as_bytes().to_vec(),
            Ok(Value::Table(table)) => table
                .raw_get::<LuaString>("err")
                .map_or_else(|_| b"ERR".to_vec(), |text| text.as_bytes().to_vec()),
            Ok(_) => b"unknown error".to_vec(),
            Err(error) => error.to_string().into_bytes(),
        },
    }
}

/// What the prelude needs to raise errors as if a function of the standard library did.
fn install_faults(lua: &Lua, shared: &Rc<Shared>, host: &Table) -> Result<()> {
    let settling = Rc::clone(shared);
    let settle = lua.create_function(move |lua, raised: Value| {
        // Where Lua has no calls left, a kill may have become another error on its way.
        if settling.is_killed.get() {
            return Err(Fault::Killed.raise());
        }
        fault::settle(lua, raised)
    })?;
    host.raw_set("settle", settle)?;
    let bad_argument = |lua: &Lua, (level, index, reason): (usize, usize, LuaString)| {
        Err::<MultiValue, _>(fault::argument_above(lua, level, index, &reason.as_bytes()))
    };
    host.raw_set("bad_argument", lua.create_function(bad_argument)?)?;
    host.raw_set("error_handler", lua.create_function(place_error)?)
}

/// Runs where an error was raised, before anything is left: makes a table of it that says where that was.
fn place_error(lua: &Lua, raised: Value) -> Result<Value> {
    if let Value::Error(error) = &raised
        && matches!(error.downcast_ref::<Fault>(), Some(Fault::Killed))
    {
        return error_at(lua, fault::error_table(lua, api::KILLED.as_bytes())?);
    }
    let table = match fault::settle(lua, raised)? {
        Value::Table(table) => table,
        other => {
            let mut text = b"ERR ".to_vec();
            text.extend_from_slice(&shown(&other));
            fault::error_table(lua, &text)?
        }
    };
    error_at(lua, table)
}

fn error_at(lua: &Lua, table: Table) -> Result<Value> {
    // The function that raised it, if that is Lua code, or else the one that called it. What the prelude wraps is C
    // where there are no wrappers, and what they end with takes their place.
    let mut was_prelude = false;
    for level in 1.. {
        let found = lua.inspect_stack(level, |debug| {
            let source = debug.source();
            let name = source.source.map(std::borrow::Cow::into_owned);
            (source.what, name, debug.current_line())
        });
        let Some((what, source, line)) = found else { break };
        let is_prelude = source.as_deref() == Some(PRELUDE);
        if what == "C" && level == 1 || is_prelude || was_prelude && what == "tail" {
            was_prelude = is_prelude;
            continue;
        }
        if let Some(source) = source {
            let line = line.and_then(|line| i64::try_from(line).ok());
            table.raw_set("source", source)?;
            table.raw_set("line", line.unwrap_or(-1))?;
        }
        break;
    }
    Ok(Value::Table(table))
}

/// `tostring` of what is neither a table nor a number with a fraction of its own kind.
fn shown(value: &Value) -> Vec<u8> {
    match value {
        Value::Nil => b"nil".to_vec(),
        Value::Boolean(value) => value.to_string().into_bytes(),
        Value::String(text) => text.as_bytes().to_vec(),
        Value::Integer(number) => number.to_string().into_bytes(),
        Value::Number(number) => crate::scripting::number::text(*number, 14),
        other => {
            format!("{}: {:p}", fault::type_name(Some(other)), other.to_pointer()).into_bytes()
        }
    }
}
