-- What scripts see as their globals, made of the standard library and of functions written in Rust.
--
-- Stock Lua has no read-only tables. Shared tables are therefore shown to scripts as empty stand-ins whose reads
-- fall through to the real ones, and every function that writes to a table without asking its metatable is
-- wrapped here. What catches errors is wrapped as well, so that a kill is never caught.

local host, std = ...

local type, select, next, error, tonumber = std.type, std.select, std.next, std.error, std.tonumber
local raw_pcall, raw_xpcall, setmetatable, getmetatable = std.pcall, std.xpcall, std.setmetatable, std.getmetatable
local rawget, rawset, raw_unpack, raw_resume = std.rawget, std.rawset, std.unpack, std.coroutine.resume
local settle, bad_argument, compile = host.settle, host.bad_argument, host.compile
local concat, sub = std.table.concat, std.string.sub

local READONLY = "Attempt to modify a readonly table"

-- From a stand-in to the table behind it, and from a real metatable to its stand-in.
local real_of, stand_in_of = {}, {}

local function refuse() error(READONLY, 2) end

local function protect(real)
  local stand_in = setmetatable({}, { __index = real, __newindex = refuse })
  real_of[stand_in] = real
  return stand_in
end

local function copy(of)
  local t = {}
  for k, v in next, of do t[k] = v end
  return t
end

local function expect(ok, index, wanted, count, value)
  if not ok then
    bad_argument(2, index, wanted .. " expected, got " .. (index > count and "no value" or type(value)))
  end
end

---------------------------------------------------------------- what catches errors

local function caught(ok, ...)
  if ok then return true, ... end
  local value = settle((...))
  if type(value) == "table" then
    local text = rawget(value, "err")
    if text ~= nil then value = text end
  end
  return false, value
end

local function pcall(...)
  if select("#", ...) == 0 then bad_argument(1, 1, "value expected") end
  return caught(raw_pcall(...))
end

local function xpcall(f, handler, ...)
  local function results(ok, ...)
    if ok then return true, ... end
    local fine, value = raw_pcall(handler, settle((...)))
    if fine then return false, value end
    settle(value)
    return false, "error in error handling"
  end
  return results(raw_pcall(f))
end

local function resumed(ok, ...)
  if ok then return true, ... end
  return false, settle((...))
end

local coroutine = copy(std.coroutine)

function coroutine.resume(...)
  expect(type((...)) == "thread", 1, "coroutine", select("#", ...), (...))
  return resumed(raw_resume(...))
end

---------------------------------------------------------------- what makes code of texts

local function load(reader, name)
  expect(name == nil or type(name) == "string" or type(name) == "number", 2, "string", 2, name)
  expect(type(reader) == "function", 1, "function", 1, reader)
  local parts, count = {}, 0
  while true do
    local ok, part = raw_pcall(reader)
    if not ok then return nil, settle(part) end
    if part == nil or part == "" then break end
    if type(part) ~= "string" then return nil, "reader function must return a string" end
    count = count + 1
    parts[count] = part
  end
  return compile(concat(parts), name or "=(load)")
end

local function loadstring(text, name)
  expect(type(text) == "string" or type(text) == "number", 1, "string", select("#", text), text)
  expect(name == nil or type(name) == "string" or type(name) == "number", 2, "string", 2, name)
  return compile(text, (name or text) .. "")
end

---------------------------------------------------------------- what reads and writes tables past their metatables

local G = {}

function G.next(t, k)
  expect(type(t) == "table", 1, "table", 2, t)
  return next(real_of[t] or t, k)
end

local through = G.next

function G.pairs(...)
  local t = ...
  expect(type(t) == "table", 1, "table", select("#", ...), t)
  if real_of[t] then return through, t, nil end
  return next, t, nil
end

function G.rawget(...)
  local t, k = ...
  local count = select("#", ...)
  expect(type(t) == "table", 1, "table", count, t)
  if count < 2 then bad_argument(1, 2, "value expected") end
  return rawget(real_of[t] or t, k)
end

function G.rawset(...)
  local t, k, v = ...
  local count = select("#", ...)
  expect(type(t) == "table", 1, "table", count, t)
  if count < 3 then bad_argument(1, count + 1, "value expected") end
  if real_of[t] then error(READONLY, 0) end
  return rawset(t, k, v)
end

function G.setmetatable(t, ...)
  expect(type(t) == "table", 1, "table", 1, t)
  local metatable = ...
  if select("#", ...) == 0 or metatable ~= nil and type(metatable) ~= "table" then
    bad_argument(1, 2, "nil or table expected")
  end
  if real_of[t] then error(READONLY, 0) end
  local old = getmetatable(t)
  if type(old) == "table" and rawget(old, "__metatable") ~= nil or old ~= nil and type(old) ~= "table" then
    error("cannot change a protected metatable", 2)
  end
  return setmetatable(t, metatable)
end

local global_rule = protect({ __index = function() end })

function G.getmetatable(...)
  if select("#", ...) == 0 then bad_argument(1, 1, "value expected") end
  local value = ...
  if real_of[value] then return stand_in_of[value] end
  local metatable = getmetatable(value)
  return stand_in_of[metatable] or metatable
end

local table = copy(std.table)
local raw_insert, raw_remove, raw_sort, raw_setn = table.insert, table.remove, table.sort, table.setn

local function changeable(t, count)
  if real_of[t] then error(READONLY, 0) end
  if type(t) ~= "table" then
    bad_argument(2, 1, "table expected, got " .. (count == 0 and "no value" or type(t)))
  end
end

function table.insert(t, ...)
  local count = select("#", ...)
  if real_of[t] or type(t) ~= "table" then changeable(t, 1) end
  if count == 1 then
    raw_insert(t, (...))
  elseif count == 2 then
    local at = ...
    expect(tonumber(at), 2, "number", 3, at)
    raw_insert(t, ...)
  else
    error("wrong number of arguments to 'insert'", 2)
  end
end

function table.remove(...)
  local t, at = ...
  local count = select("#", ...)
  if real_of[t] or type(t) ~= "table" then changeable(t, count) end
  expect(at == nil or tonumber(at), 2, "number", count, at)
  return raw_remove(...)
end

function table.sort(...)
  local t, before = ...
  local count = select("#", ...)
  if real_of[t] or type(t) ~= "table" then changeable(t, count) end
  expect(before == nil or type(before) == "function", 2, "function", count, before)
  raw_sort(t, before)
end

-- Lua's own limit of one call's stack (values): what unpack is given and what it gives back stand there together.
local STACK_MAX = 8000

local function unpack(...)
  local t, from, to = ...
  local count = select("#", ...)
  expect(type(t) == "table", 1, "table", count, t)
  expect(from == nil or tonumber(from), 2, "number", count, from)
  expect(to == nil or tonumber(to), 3, "number", count, to)
  from = host.int(tonumber(from or 1))
  to = host.int(tonumber(to or #t))
  if from > to then return end
  if not (to - from + 1 <= STACK_MAX - count) then error("too many results to unpack", 2) end
  if count == 1 then return raw_unpack(t) end
  return raw_unpack(t, from, to)
end

---------------------------------------------------------------- strings

local string = copy(std.string)
for name, f in next, host.string do string[name] = f end
local plain_gsub, find_next, step = host.plain_gsub, host.find_next, host.step

local function advance(state, from, to, text, ...)
  if from == nil then
    state.at = #state.text + 2
    return nil
  end
  state.at = to > from and to or to + 1
  return ...
end

function string.gmatch(...)
  local text, pattern = ...
  local count = select("#", ...)
  expect(type(text) == "string" or type(text) == "number", 1, "string", count, text)
  expect(type(pattern) == "string" or type(pattern) == "number", 2, "string", count, pattern)
  local state = { text = text .. "", at = 1 }
  return function()
    return advance(state, find_next(state.text, pattern, state.at, false))
  end
end
string.gfind = string.gmatch

local function replacement(with, kind, from, to, text, ...)
  if from == nil then return nil end
  if kind == "function" then return from, to, text, (with(...)) end
  return from, to, text, with[(...)]
end

function string.gsub(...)
  local text, pattern, with, max = ...
  local kind = type(with)
  if kind ~= "function" and kind ~= "table" or type(text) ~= "string" or type(pattern) ~= "string"
    or max ~= nil and type(max) ~= "number" then
    local result, count = plain_gsub(...)
    return result, count
  end
  local out, length, count, at = {}, 0, 0, 1
  local anchored = sub(pattern, 1, 1) == "^"
  max = max and host.int(max) or #text + 1
  while count < max do
    local from, to, found, value = replacement(with, kind, find_next(text, pattern, at, true))
    if from == nil then break end
    count = count + 1
    if not value then
      value = found
    elseif type(value) ~= "string" and type(value) ~= "number" then
      error("invalid replacement value (a " .. type(value) .. ")", 2)
    end
    out[length + 1], out[length + 2] = sub(text, at, from - 1), value
    length = length + 2
    if to > from then
      at = to
    elseif from <= #text then
      length = length + 1
      out[length] = sub(text, from, from)
      at = from + 1
    else
      at = from
      break
    end
    if anchored then break end
  end
  out[length + 1] = sub(text, at)
  return concat(out), count
end

---------------------------------------------------------------- globals

-- Garbage is collected for all scripts alike, so a script may only look and help.
local raw_collect = std.collectgarbage
local COLLECT = { collect = true, count = true, step = true }

function G.collectgarbage(what, ...)
  what = what == nil and "collect" or what
  if COLLECT[what] then return raw_collect(what) end
  if what == "stop" or what == "restart" or what == "setpause" or what == "setstepmul" then return 0 end
  if type(what) ~= "string" then
    bad_argument(1, 1, "string expected, got " .. type(what))
  end
  bad_argument(1, 1, "invalid option '" .. what .. "'")
end

for _, name in std.ipairs({ "assert", "error", "gcinfo", "ipairs", "rawequal", "select", "tonumber", "tostring", "type", "_VERSION" }) do
  G[name] = std[name]
end
G.pcall, G.xpcall, G.load, G.loadstring, G.unpack = pcall, xpcall, load, loadstring, unpack

local math = copy(std.math)
for name, f in next, host.math do math[name] = f end

G.string, G.table, G.math, G.coroutine = protect(string), protect(table), protect(math), protect(coroutine)
for _, name in std.ipairs({ "bit", "cjson", "cmsgpack", "struct" }) do
  G[name] = protect(host[name])
end

-- Strings know their methods by a metatable that all scripts share.
local string_rule = { __index = string }
stand_in_of[string_rule] = protect({ __index = G.string })

local function missing(_, name)
  local kind = type(name)
  local shown = (kind == "string" or kind == "number") and name or "(null)"
  error("Script attempted to access nonexistent global variable '" .. shown .. "'", 2)
end

-- Globals of their own for scripts and for functions, with their own table `redis`.
local function globals(redis)
  local real = copy(G)
  real.redis = protect(redis)
  setmetatable(real, { __index = missing })
  local stand_in = protect(real)
  real._G = stand_in
  stand_in_of[stand_in] = protect({ __index = missing })
  return stand_in, real
end

local script_globals, script_real = globals(host.script_api)
local library_globals, library_real = globals(host.library_api)
local loading_globals = setmetatable({
  redis = protect(setmetatable(host.loading_api, { __index = missing })),
}, { __index = missing })
-- A text for debuggers of old; scripts that call it get what they would get from a Redis.
script_real.__redis__err__handler = host.error_handler

---------------------------------------------------------------- the code of libraries

-- While a library is loaded it sees of its globals nothing but what registers functions.
local library_rule = getmetatable(library_globals)
local function run_loading(f)
  library_rule.__index = loading_globals
  local ok, value = raw_xpcall(f, host.error_handler)
  library_rule.__index = library_real
  return ok, value
end

return script_globals, script_real, library_globals, string_rule, run_loading
