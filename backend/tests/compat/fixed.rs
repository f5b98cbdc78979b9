//! Scripts for what random ones would not hit, one command a line.

use reddoor_protocol::inline;

/// Scripts, each on an empty server and a fresh connection.
pub(crate) const SCRIPTS: &[&str] = &[
    // Scripts: how they are called and kept.
    "EVAL \"return 1\" a\nEVAL \"return 1\" -1\nEVAL \"return 1\" 2 a\nEVAL \"return 1\"\nEVALSHA abc 0\n\
     EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0\nSCRIPT LOAD \"return 1\"\n\
     EVALSHA E0E1F9FABFC9D4800C877A703B823AC0578FF8DB 0\nEVALSHA_RO e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0\n\
     SCRIPT LOAD \"return x y\"\nEVAL \"syntax error\" 0\nSCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db abc\n\
     SCRIPT FLUSH foo\nSCRIPT FLUSH sync a\nSCRIPT FLUSH async\nSCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db\n\
     SCRIPT KILL\nFUNCTION KILL\nSCRIPT FOO\nMULTI\nEVAL \"return {1,{2}}\" 0\n\
     EVAL \"return nosuch\" 0\nSET a 1\nEXEC\nEVAL_RO \"return redis.call('SET', 'a', 2)\" 0\nGET a\n\
     EVAL \"redis.call('SELECT', 3) return redis.call('SET', 'three', 1)\" 0\nEXISTS three\nSELECT 3\nEXISTS three",
    // Scripts that say what they are.
    "EVAL \"#!lua flags=no-writes\\nreturn 1\" 0\nEVAL \"#!lua flags=foo\\nreturn 1\" 0\nEVAL \"#!python\\nreturn 1\" 0\n\
     EVAL \"#!lua foo=bar\\nreturn 1\" 0\nEVAL \"#!lua flags=no-writes\\nreturn redis.call('SET', 'x', 1)\" 0\n\
     EVAL \"#!lua flags=no-writes\" 0\nEVAL \"#!lua\\nerror('x')\" 0\nEVAL_RO \"#!lua\\nreturn 1\" 0\n\
     EVAL_RO \"#!lua flags=no-writes,allow-oom\\nreturn 1\" 0\nEVAL \"#!lua flags=no-cluster,allow-stale\\nreturn 1\" 0",
    // What a script says of itself is heeded when it is queued.
    "FUNCTION LOAD \"#!lua name=w\\nredis.register_function('w', function() return 1 end) \
     redis.register_function{function_name='r', flags={'no-writes'}, callback=function() return 2 end}\"\n\
     CONFIG SET min-replicas-to-write 1\nMULTI\nEVAL \"#!lua\\nreturn 1\" 0\nEXEC\nMULTI\n\
     EVAL \"#!lua flags=no-writes\\nreturn 1\" 0\nEVAL \"return 1\" 0\nEVAL \"return redis.call('SET', 'a', 1)\" 0\n\
     FCALL r 0\nEXEC\nMULTI\nFCALL w 0\nEXEC\nMULTI\nFCALL_RO w 0\nEXEC\nMULTI\nEVAL_RO \"#!lua\\nreturn 1\" 0\nEXEC\n\
     EVAL \"#!lua\\nreturn 1\" 0\nEVAL \"#!lua flags=allow-oom\\nreturn 1\" 0\nEVAL \"#!lua flags=foo\\nreturn 1\" 0\n\
     EVAL \"return redis.call('SET', 'a', 1)\" 0\nEVAL \"redis.call('GET', 'a') return 1\" 0\nFCALL w 0\nFCALL r 0\n\
     CONFIG SET min-replicas-to-write 0\nFUNCTION FLUSH\nSCRIPT FLUSH",
    "FUNCTION LOAD \"#!lua name=a\\nredis.register_function('Mine', function() return 1 end)\"\nFCALL mINE 0\nFCALL_RO MINE 0\n\
     FUNCTION LOAD \"#!lua name=b\\nredis.register_function('mine', function() return 2 end)\"\n\
     FUNCTION LOAD \"#!lua name=A\\nredis.register_function('other', function() return 3 end)\"\nFUNCTION DELETE A\n\
     FUNCTION LOAD REPLACE \"#!lua name=a\\nredis.register_function('new', function() return 4 end)\"\nFCALL mine 0\n\
     FCALL NEW 0\nFUNCTION FLUSH",
    "FUNCTION LOAD \"#! name=t\\nlocal x\"\nFUNCTION LOAD \"#!LUA name=\\\"te st\\\"\\nlocal x\"\nFUNCTION LOAD \"#!\\nlocal x\"\n\
     FUNCTION LOAD \"#!lua name='a\\nlocal x\"\nFUNCTION LOAD \"#!lua name='a'\\nredis.register_function('f', function() end)\"\n\
     FUNCTION LOAD \"#!lua name=b\\nwhile true do end\"\nFUNCTION RESTORE a b c\nFUNCTION FLUSH sync x\nFUNCTION FLUSH\n\
     EVAL \"return {big_number='1\\\\r\\\\n2'}\" 0",
    "CONFIG SET shutdown-on-sigterm \"force nosave NOW\"\nCONFIG GET shutdown-on-sigterm\nCONFIG GET shutdown-on-sigint\nCONFIG SET shutdown-on-sigint \"save nosave\"\n\
     CONFIG SET shutdown-on-sigint \"default force\"\nCONFIG SET shutdown-on-sigint \"\"\nCONFIG GET shutdown-on-sigterm\nCONFIG GET shutdown-on-sigint\n\
     CONFIG SET shutdown-on-sigterm default shutdown-on-sigint default\nCONFIG SET oom-score-adj nonsense\n\
     CONFIG SET bind \"\" maxmemory x\nCONFIG GET bind\nCONFIG SET crash-log-enabled x",
    // Read-only tables and globals.
    "EVAL \"string.rep = 1\" 0\nEVAL \"x = 1\" 0\nEVAL \"return x\" 0\nEVAL \"rawset(_G, 'x', 1)\" 0\nEVAL \"_G.redis = nil\" 0\n\
     EVAL \"table.insert(string, 1)\" 0\nEVAL \"setmetatable(_G, nil)\" 0\nEVAL \"getmetatable(_G).__index = nil\" 0\n\
     EVAL \"getmetatable('').__index = nil\" 0\nEVAL \"KEYS = 1\" 0\nEVAL \"KEYS[1] = 5 return KEYS[1]\" 0\n\
     EVAL \"return loadstring(string.dump(function() return 1 end))\" 0\n\
     EVAL \"local t = {} for k in pairs(_G) do t[#t+1] = k end table.sort(t) return t\" 0\n\
     EVAL \"local t = {} for k in pairs(redis) do t[#t+1] = k end table.sort(t) return t\" 0\n\
     EVAL \"local t = {} for k in pairs(string) do t[#t+1] = k end table.sort(t) return t\" 0\n\
     EVAL \"local t = {} for k in pairs(cjson) do t[#t+1] = k end table.sort(t) return t\" 0\n\
     EVAL \"local function f() return f() + 1 end return f()\" 0\nEVAL \"return table.concat({1,{},3})\" 0\n\
     EVAL \"return {redis.REDIS_VERSION, redis.REDIS_VERSION_NUM, redis.REPL_ALL, redis.LOG_WARNING}\" 0",
    // Functions.
    "FUNCTION LOAD \"#!lua name=a\\nredis.register_function('f', function(keys, args) return {keys, args} end)\"\n\
     FCALL f 1 k v w\nFCALL f 0\nFCALL f x\nFCALL f -1\nFCALL f 5 a\nFCALL nosuch 0\nFCALL_RO f 0\nFUNCTION LIST\n\
     FUNCTION LOAD \"#!lua name=a\\nredis.register_function('f', function() return 2 end)\"\n\
     FUNCTION LOAD REPLACE \"#!lua name=a\\nredis.register_function('f', function() return 2 end)\"\nFCALL f 0\n\
     FUNCTION LOAD \"#!lua name=b\\nredis.register_function('f', function() return 2 end)\"\n\
     FUNCTION LOAD \"#!lua name=c\\nredis.register_function{function_name='g', callback=function() return \
     redis.call('SET', 'x', 1) end, flags={'no-writes'}, description='what'}\"\nFCALL g 0\nFCALL_RO g 0\n\
     FUNCTION LIST LIBRARYNAME c WITHCODE\nFUNCTION LIST LIBRARYNAME\nFUNCTION LIST foo\nFUNCTION STATS\n\
     FUNCTION LOAD \"no header\"\nFUNCTION LOAD \"#!lua\\nreturn 1\"\nFUNCTION LOAD \"#!lua name=d\\nreturn 1\"\n\
     FUNCTION LOAD \"#!foo name=d\\nreturn 1\"\nFUNCTION LOAD \"#!lua name=d name=e\\nreturn 1\"\n\
     FUNCTION LOAD \"#!lua name=d foo=e\\nreturn 1\"\nFUNCTION LOAD \"#!lua name=d-e\\nreturn 1\"\n\
     FUNCTION LOAD \"#!lua name=d\\nsyntax error\"\nFUNCTION LOAD \"#!lua name=d\\nerror('x')\"\n\
     FUNCTION LOAD \"#!lua name=d\\nredis.call('GET', 'a')\"\nFUNCTION LOAD \"#!lua name=d\\nredis.register_function('x')\"\n\
     FUNCTION LOAD \"#!lua name=d\\nredis.register_function({1})\"\nFUNCTION LOAD \"#!lua name=d\\nredis.register_function(1, 2)\"\n\
     FUNCTION LOAD \"#!lua name=d\\nredis.register_function('x', 2)\"\nFUNCTION LOAD foo bar\nFUNCTION DELETE nosuch\n\
     FUNCTION DELETE a\nFUNCTION DELETE a\nFUNCTION DUMP\nFUNCTION RESTORE x\nFUNCTION RESTORE x foo\nFUNCTION FLUSH foo\n\
     FUNCTION FLUSH\nFUNCTION LIST\nFUNCTION FOO",
    // Greeting.
    "HELLO 4\nHELLO x\nHELLO 3 FOO\nHELLO 2 AUTH a\nHELLO 2 AUTH default any\nHELLO 2 AUTH nobody x\n\
     HELLO 2 SETNAME \"a b\"\nHELLO 2 SETNAME me\nCLIENT GETNAME\nAUTH x\nAUTH default x\nAUTH bob x\n\
     AUTH a b c\nRESET\nCLIENT GETNAME\nECHO a b\nPING a b\nQUIT x",
    // Clients.
    "CLIENT SETNAME \"a b\"\nCLIENT SETNAME \"\"\nCLIENT GETNAME\nCLIENT SETNAME x\nCLIENT GETNAME\n\
     CLIENT KILL 1:2\nCLIENT KILL ID x\nCLIENT KILL ID 1 foo 2\nCLIENT KILL TYPE x\nCLIENT KILL USER nobody\n\
     CLIENT KILL SKIPME maybe\nCLIENT KILL ID 99999999\nCLIENT PAUSE x\nCLIENT PAUSE -1\nCLIENT PAUSE 1 foo\n\
     CLIENT REPLY x\nCLIENT REPLY ON\nCLIENT UNBLOCK 99999\nCLIENT UNBLOCK 1 x\nCLIENT UNBLOCK x\n\
     CLIENT NO-EVICT x\nCLIENT NO-EVICT on\nCLIENT GETREDIR\nCLIENT TRACKINGINFO\nCLIENT LIST TYPE x\n\
     CLIENT LIST foo\nCLIENT LIST ID x\nCLIENT LIST ID 99999999\nCLIENT TRACKING OFF\nCLIENT CACHING yes\n\
     CLIENT SETINFO lib-name x\nCLIENT MAINT_NOTIFICATIONS ON\nCLIENT\nCLIENT ID x\nCLIENT UNPAUSE",
    // Settings.
    "CONFIG GET port x\nCONFIG GET nosuch\nCONFIG SET nosuch 1\nCONFIG SET maxclients 1 maxclients 2\n\
     CONFIG SET maxmemory abc\nCONFIG SET maxclients abc\nCONFIG SET maxclients 0\nCONFIG SET appendonly maybe\n\
     CONFIG SET loglevel foo\nCONFIG SET databases 3\nCONFIG SET save abc\nCONFIG SET save 1\n\
     CONFIG SET client-output-buffer-limit a\nCONFIG SET client-output-buffer-limit \"normal 1 2 a\"\n\
     CONFIG SET client-output-buffer-limit \"foo 1 2 3\"\nCONFIG SET proto-max-bulk-len 1\n\
     CONFIG SET notify-keyspace-events Q\nCONFIG SET notify-keyspace-events KEA\nCONFIG GET notify-keyspace-events\n\
     CONFIG SET notify-keyspace-events \"\"\nCONFIG SET maxmemory-policy x\nCONFIG SET cluster-announce-hostname %\n\
     CONFIG SET tcp-keepalive -1\nCONFIG SET oom-score-adj-values 1\nCONFIG SET oom-score-adj-values \"1 2 9999\"\n\
     CONFIG SET timeout 5 nosuch 2\nCONFIG SET dir /tmp\nCONFIG SET latency-tracking-info-percentiles 200\n\
     CONFIG SET maxmemory 100mb\nCONFIG GET maxmemory\nCONFIG SET maxmemory 0\nCONFIG SET slave-priority 7\n\
     CONFIG GET *a-priority\nCONFIG GET *e-priority\nCONFIG SET replica-priority 100\nCONFIG SET a\nCONFIG FOO\n\
     CONFIG REWRITE\nCONFIG RESETSTAT x\nCONFIG SET client-output-buffer-limit \"slave 0 0 0 normal 1mb 2kb 3\"\n\
     CONFIG GET client-output-buffer-limit\nCONFIG SET client-output-buffer-limit \"normal 0 0 0\"",
    // The node as a whole.
    "WAIT a b\nWAIT 0 -1\nWAIT 0 0\nWAIT 1 1\nSWAPDB 0 99\nSWAPDB a 1\nSWAPDB 0 b\nFLUSHALL foo\nFLUSHALL ASYNC SYNC\n\
     FLUSHDB SYNC\nSHUTDOWN foo\nSHUTDOWN ABORT\nSHUTDOWN ABORT NOW\nSHUTDOWN SAVE NOSAVE\nLATENCY LATEST\n\
     LATENCY RESET\nLATENCY HISTORY x\nSLOWLOG GET x\nSLOWLOG GET -2\nSLOWLOG RESET\nSLOWLOG LEN\nSLOWLOG GET\n\
     MEMORY USAGE nosuch\nMEMORY USAGE a SAMPLES\nMEMORY USAGE a SAMPLES -1\nMEMORY PURGE\nMEMORY FOO\nROLE\nINFO nosuch\n\
     COMMAND COUNT\nCOMMAND INFO get nosuch\nCOMMAND GETKEYS mset a 1 b 2\nCOMMAND GETKEYS get\nLOLWUT VERSION 99\n\
     OBJECT FOO a\nOBJECT ENCODING\nOBJECT ENCODING nosuch\nOBJECT IDLETIME nosuch\nOBJECT FREQ nosuch\nTIME x",
    // Tests' own commands.
    "DEBUG SLEEP 0\nDEBUG nosuch\nDEBUG SET-ACTIVE-EXPIRE 1\nDEBUG SET-ACTIVE-EXPIRE\nDEBUG OBJECT nosuch\n\
     DEBUG ERROR \"ERR own words\"\nDEBUG PROTOCOL string\nDEBUG PROTOCOL integer\nDEBUG PROTOCOL double\n\
     DEBUG PROTOCOL null\nDEBUG PROTOCOL array\nDEBUG PROTOCOL set\nDEBUG PROTOCOL map\nDEBUG PROTOCOL bignum\n\
     DEBUG PROTOCOL true\nDEBUG PROTOCOL false\nDEBUG PROTOCOL verbatim\nDEBUG PROTOCOL nosuch\n\
     DEBUG POPULATE 3 p 20\nGET p:0\nSTRLEN p:2\nDEBUG POPULATE 2\nGET key:1\nDBSIZE",
    // Transactions.
    "EXEC\nDISCARD\nMULTI\nMULTI\nSET a 1\nINCR a\nGET a\nEXEC\nMULTI\nNOSUCH\nSET a 5\nEXEC\nGET a\nMULTI\nGET\nEXEC\n\
     WATCH a\nSET a 2\nMULTI\nSET a 3\nEXEC\nGET a\nWATCH a\nMULTI\nWATCH b\nSET a 4\nEXEC\nGET a\nMULTI\nSET a x\n\
     INCR a\nGET a\nEXEC\nWATCH nosuch\nDEL nosuch\nMULTI\nPING\nEXEC\nWATCH a\nFLUSHALL\nMULTI\nPING\nEXEC\nWATCH a\n\
     FLUSHALL\nMULTI\nPING\nEXEC\nMULTI\nSELECT 1\nSET a db1\nEXEC\nSELECT 0\nGET a\nMULTI\nDISCARD\nMULTI\nHELLO 2\n\
     EXEC\nMULTI\nSHUTDOWN ABORT\nEXEC\nMULTI\nEXEC x\nEXEC",
    // Expiry and its roundings.
    "SET a 1 PX 1499\nTTL a\nSET a 1 PX 100000500\nTTL a\nSET a 1 EX 100\nSET a 2 KEEPTTL\nTTL a\nSET a 3\nTTL a\n\
     SET a 1 PXAT 1\nGET a\nEXISTS a\nSET a 1\nEXPIRE a 0\nEXISTS a\nSET a 1\nEXPIRE a -1 NX\nEXISTS a\nSET a 1 EX 100\n\
     EXPIRE a 50 GT\nEXPIRE a 200 LT\nEXPIRE a 50 LT\nEXPIRE a 200 GT XX\nEXPIRE a 1 NX\nTTL a\nGETEX a PERSIST\nTTL a\n\
     RENAME a b\nEXPIREAT b 4102444800\nRENAME b c\nEXPIRETIME c\nCOPY c d\nEXPIRETIME d\nAPPEND d x\nEXPIRETIME d\n\
     INCRBYFLOAT c 1\nEXPIRETIME c\nSETRANGE c 0 9\nEXPIRETIME c\nGETSET c 1\nEXPIRETIME c\nGETEX nosuch EX x\n\
     GETEX nosuch EX 0\nGETEX d EX 0\nSET e 1 EX 9223372036854775\nSET e 1 PX 9223372036854775807",
    // Streams: where IDs end, what entries are refused, which subcommands are understood.
    "XADD a 0-0 f v\nXADD a 0-* f v\nXADD a 5 f v\nXADD a 5 f v\nXADD a 5-* f v\nXADD a 4-* f v\nXADD a * f\nXADD a *\n\
     XADD a 5-18446744073709551615 f v\nXADD a 5-* f v\nXADD a 6-1 f v g\nXADD a LIMIT 5 7-1 f v\nXADD a LIMIT 0 7-1 f v\n\
     XADD a MAXLEN 2 LIMIT 1 7-1 f v\nXADD a MAXLEN ~ 2 LIMIT -1 7-1 f v\nXADD a MAXLEN ~ 2 LIMIT x 7-1 f v\nXADD a MAXLEN\n\
     XADD a MAXLEN 5 MINID 3 7-1 f v\nXADD a MAXLEN = 1 NOMKSTREAM 7-1 f v\nXADD nosuch NOMKSTREAM 7-1 f v\nXLEN a\n\
     XADD a 18446744073709551615-18446744073709551615 f v\nXADD a * f v\nXADD a 18446744073709551615-* f v\n\
     XRANGE a (18446744073709551615-18446744073709551615 +\nXRANGE a - (0-0\nXRANGE a (- +\nXRANGE a - + COUNT 0\n\
     XRANGE a - + COUNT -1\nXRANGE a - + COUNT 1 COUNT 2\nXRANGE a - + COUNT\nXREVRANGE a + - COUNT 1\nXRANGE nosuch - +\n\
     XTRIM a\nXTRIM a MAXLEN\nXTRIM a LIMIT 1\nXTRIM a LIMIT 0\nXTRIM a NOMKSTREAM MAXLEN 1\nXTRIM nosuch MAXLEN 1",
    // Streams: what trimming leaves of nodes, and what lag says of it.
    "XADD a 1-1 f v\nXADD a 1-2 f v\nXADD a 1-3 g v\nXADD a 2-0 f v\nXDEL a 1-3\nXTRIM a MINID 1-3\nXINFO STREAM a FULL\n\
     XGROUP CREATE a g 0\nXINFO GROUPS a\nXTRIM a MINID 2-0\nXINFO GROUPS a\nXREADGROUP GROUP g c STREAMS a >\nXINFO GROUPS a\n\
     XDEL a 2-0\nXINFO STREAM a\nXINFO GROUPS a\nXREADGROUP GROUP g c STREAMS a 0\nXAUTOCLAIM a g d 0 0\nXINFO CONSUMERS a g\n\
     XADD a 3-0 f v\nXADD a 4-0 f v\nXCLAIM a g d 0 3-0\nXCLAIM a g d 0 3-0 FORCE JUSTID\nXPENDING a g - + 10\n\
     XCLAIM a g e 0 3-0 RETRYCOUNT 7 IDLE 0\nXPENDING a g - + 10 e\nXPENDING a g IDLE 100000 - + 10\nXACK a g 3-0 3-0\n\
     XPENDING a g\nXSETID a 9-0 ENTRIESADDED 100 MAXDELETEDID 8-0\nXINFO STREAM a\nXGROUP SETID a g 3-0 ENTRIESREAD 5\nXINFO GROUPS a",
    // What watchers hear of a stream.
    "XADD a 1-1 f v\nWATCH a\nXGROUP CREATE a g 0\nXGROUP CREATECONSUMER a g c\nXREADGROUP GROUP g c STREAMS a >\nXACK a g 1-1\n\
     XSETID a 5-0\nXGROUP SETID a g 0\nXGROUP DESTROY a g\nXDEL a 7-7\nXTRIM a MAXLEN 5\nMULTI\nPING\nEXEC\nWATCH a\nXDEL a 1-1\n\
     MULTI\nPING\nEXEC\nXADD a 6-0 f v\nWATCH a\nXTRIM a MAXLEN 0\nMULTI\nPING\nEXEC\nWATCH b\nXGROUP CREATE b g $ MKSTREAM\n\
     MULTI\nPING\nEXEC\nWATCH b\nXADD b 1-1 f v\nMULTI\nXREAD BLOCK 0 STREAMS b $\nEXEC\nMULTI\nXREAD BLOCK 0 STREAMS b $\nEXEC",
    // Options of readers in any order, and what is refused.
    "XADD a 1-1 f v\nXREAD STREAMS a\nXREAD COUNT 1 STREAMS a 0 b\nXREAD STREAMS a >\nXREAD NOACK STREAMS a 0\nXREAD BLOCK -1 STREAMS a 0\n\
     XREAD BLOCK 1.5 STREAMS a 0\nXREAD GROUP g c STREAMS a 0\nXREAD COUNT x STREAMS a 0\nXREAD COUNT -5 STREAMS a 0\nXREAD STREAMS a a 0 0\n\
     XREADGROUP COUNT 1 COUNT 2 STREAMS a 0 >\nXREADGROUP GROUP g c STREAMS a >\nXREADGROUP GROUP g c STREAMS nosuch >\n\
     XGROUP CREATE a g 0\nXGROUP CREATE a g 0\nXREADGROUP GROUP g c STREAMS a $\nXREADGROUP STREAMS a > GROUP g c x\n\
     XREADGROUP NOACK BLOCK 0 GROUP g c COUNT 1 STREAMS a >\nXREADGROUP GROUP g c STREAMS a >\nXREADGROUP GROUP g c STREAMS a 0\n\
     XGROUP CREATE a h 0 MKSTREAM MKSTREAM MKSTREAM MKSTREAM\nXGROUP CREATE a h 0 ENTRIESREAD\nXGROUP CREATE a h 0 ENTRIESREAD -2\n\
     XGROUP SETID a g 0 MKSTREAM\nXGROUP SETID a g 0 ENTRIESREAD 1 ENTRIESREAD 2\nXGROUP SETID a nosuch x\nXGROUP SETID a g +\n\
     XGROUP DESTROY nosuch g\nXGROUP DELCONSUMER a nosuch c\nXINFO STREAM a FULL COUNT\nXINFO STREAM a FULL COUNT x\n\
     XINFO STREAM a foo\nXINFO STREAM nosuch foo\nXINFO CONSUMERS a nosuch\nXINFO foo a\nXGROUP foo\nXAUTOCLAIM a g c 0 0 COUNT 0\n\
     XAUTOCLAIM a g c x 0\nXAUTOCLAIM a g c 0 0 COUNT 500000000000000000\nXCLAIM a g c x 1-1\nXCLAIM a g c 0 1-1 IDLE x\n\
     XCLAIM a g c 0 1-1 foo\nXPENDING a g - +\nXPENDING a g IDLE 0 - +\nXPENDING a nosuch\nXPENDING a g (18446744073709551615-18446744073709551615 + 1",
    // Unknown commands and arities quote what was sent.
    "nosuch\nnosuch a b c\nFOO \"a\\r\\nb\" c\nGET\nget a b\nSET a\nDEL\nOBJECT\nCLIENT KILL\nSETEX a 1",
    // Sorted sets that are waited for, and counts that no script may ask a full one for.
    "BZPOPMIN nosuch x\nBZPOPMIN nosuch -1\nBZPOPMIN nosuch 1e30\nBZPOPMIN nosuch 0.01\nBZMPOP 0.01 1 nosuch MIN\n\
     BZMPOP x 1 nosuch MIN\nBZMPOP x 1 nosuch FOO\nBZMPOP 0 0 nosuch MIN\nZADD a 1 x 2 y 3 z\nBZPOPMIN nosuch a 0\n\
     BZPOPMAX a b 0\nZADD b 1 x 2 y 3 z\nBZMPOP 0 2 nosuch b MAX COUNT 2\nBZMPOP 0 1 b MIN COUNT 0\nBZPOPMIN a b 0\n\
     EXISTS a\nBZPOPMIN b 0\nEXISTS b\nSET s 1\nBZPOPMIN nosuch s 0\nBZMPOP 0 2 nosuch s MIN\nMULTI\nBZPOPMIN a 0\n\
     BZMPOP 0 1 a MAX\nZADD a 1 x\nBZPOPMAX a 0\nEXEC\nZRANDMEMBER a -9223372036854775807 WITHSCORES\n\
     ZRANDMEMBER nosuch -9223372036854775807\nZRANDMEMBER nosuch 4611686018427387904 WITHSCORES",
    // Encodings.
    "SET a 9999\nOBJECT REFCOUNT a\nSET a 10000\nOBJECT REFCOUNT a\nINCR a\nOBJECT ENCODING a\nAPPEND a 5\n\
     OBJECT ENCODING a\nINCR a\nOBJECT ENCODING a\nSETRANGE b 0 12\nOBJECT ENCODING b\nSETBIT c 1 1\nOBJECT ENCODING c\n\
     INCRBYFLOAT d 1\nOBJECT ENCODING d\nBITOP AND e b\nOBJECT ENCODING e\nCOPY b f\nOBJECT ENCODING f\n\
     RENAME f g\nOBJECT ENCODING g\nAPPEND h 12\nOBJECT ENCODING h\nGETSET h 7\nOBJECT ENCODING h",
    // Small numbers that all keys share, and those that have been copied.
    "SET a 5\nOBJECT REFCOUNT a\nCOPY a b\nOBJECT REFCOUNT b\nRENAME b c\nMOVE c 1\nSELECT 1\nOBJECT REFCOUNT c\nINCR c\n\
     OBJECT REFCOUNT c\nDECRBY c 7\nOBJECT REFCOUNT c\nCOPY c d\nINCRBY d 0\nINCR d\nOBJECT REFCOUNT d\nSET s x\n\
     OBJECT REFCOUNT s\nCONFIG SET maxmemory 1gb maxmemory-policy allkeys-lru\nSET e 5\nOBJECT REFCOUNT e\n\
     CONFIG SET maxmemory-policy allkeys-random\nSET f 5\nOBJECT REFCOUNT f\n\
     CONFIG SET maxmemory 0 maxmemory-policy noeviction\nSELECT 0\nOBJECT REFCOUNT a",
    // Fields and members picked at random where there is no choice, and counts beyond all bounds.
    "HSET h f 1\nHRANDFIELD h\nHRANDFIELD h -3 WITHVALUES\nHRANDFIELD h 5 WITHVALUES\nHRANDFIELD nosuch\n\
     HRANDFIELD nosuch 3\nHRANDFIELD nosuch -3 WITHVALUES\nHRANDFIELD h 0 WITHVALUES\nSRANDMEMBER h\n\
     HRANDFIELD h -9223372036854775808\nHRANDFIELD h -9223372036854775808 WITHVALUES\n\
     HRANDFIELD h -9223372036854775807 WITHVALUES\nHRANDFIELD h -4611686018427387904 WITHVALUES\n\
     HRANDFIELD h 4611686018427387903 WITHVALUES\nHRANDFIELD h 4611686018427387904 WITHVALUES\n\
     HRANDFIELD h -9223372036854775807 x\nHRANDFIELD h 1 WITHVALUES x\nSADD s a\nSRANDMEMBER s\nSRANDMEMBER s -3\n\
     SRANDMEMBER s 5\nSRANDMEMBER nosuch\nSRANDMEMBER nosuch -3\nSRANDMEMBER s -9223372036854775808\n\
     SRANDMEMBER s 1 x\nSPOP s 0\nSPOP s -1\nSPOP s 1 x\nSPOP s\nEXISTS s\nSPOP s\nSPOP s 3\nSADD s 7\nSPOP s 1\n\
     EXISTS s\nSPOP h\nSPOP h 1\nSPOP h x\nHRANDFIELD h x",
    // Sets that become compact again, and those that do not.
    "CONFIG SET set-max-intset-entries 2\nSADD a 1 2 3\nOBJECT ENCODING a\nCONFIG SET set-max-intset-entries 512\n\
     SREM a 3\nOBJECT ENCODING a\nCOPY a b\nOBJECT ENCODING b\nSUNIONSTORE c b\nOBJECT ENCODING c\nSADD d x 1\nSREM d x\nOBJECT ENCODING d\n\
     SINTERSTORE e d b\nOBJECT ENCODING e\nSDIFFSTORE f d nosuch\nOBJECT ENCODING f\nSADD g x 1 2 3 4 5\n\
     SADD h x y\nSADD i x z\nSDIFFSTORE j g h i nosuch\nOBJECT ENCODING j\nSADD k x\nSADD l y\nSADD m z\n\
     SDIFFSTORE n g k l m\nOBJECT ENCODING n\nSMOVE d d 1\nSMOVE d new 1\nEXISTS d\nOBJECT ENCODING new\n\
     SINTERCARD 1 a LIMIT 1\nSINTERCARD 1 a LIMIT\nSINTERCARD 0 a\nSINTERCARD 3 a b\nSINTERCARD 1 a FOO 1",
    // A change of a hash or a set breaks a transaction that watches it, and nothing else does.
    "SADD s 1\nHSET h f 1\nWATCH s h\nSADD s 1\nSREM s 2\nHSETNX h f 2\nHDEL h g\nSMOVE s h 9\nSPOP s 0\nMULTI\nPING\n\
     EXEC\nWATCH h\nHSET h f 1\nMULTI\nPING\nEXEC\nWATCH s\nSPOP s\nMULTI\nPING\nEXEC\nWATCH d\nSINTERSTORE d nosuch s\n\
     MULTI\nPING\nEXEC\nSADD d 1\nWATCH d\nSINTERSTORE d nosuch s\nMULTI\nPING\nEXEC\nEXISTS d",
    // Hashes at the thresholds that a Redis comes with.
    "HSET a f 1234567890123456789012345678901234567890123456789012345678901234\nOBJECT ENCODING a\n\
     HSET a g 12345678901234567890123456789012345678901234567890123456789012345\nOBJECT ENCODING a\nHDEL a g\n\
     OBJECT ENCODING a\nCOPY a b\nOBJECT ENCODING b\nDEBUG OBJECT nosuch\nDEBUG HTSTATS-KEY nosuch\n\
     HSET small f 1\nDEBUG HTSTATS-KEY small\nHINCRBYFLOAT c f 1e20\n\
     HINCRBYFLOAT c f inf\nHINCRBYFLOAT c f nan\nHSET c i inf\nHINCRBYFLOAT c i 1\nHINCRBYFLOAT c i -inf\n\
     HSET d f\nHMSET d f\nHMSET d f 1 g\nHSET d f 1 g\nHDEL d f\nHSCAN d 0\nHSCAN d x\nHSCAN c 0 COUNT 0\n\
     HSCAN c 0 TYPE hash\nSSCAN c 0\nHSCAN nosuch 0 FOO\nHGETALL nosuch\nHKEYS nosuch\nHVALS nosuch\nSMEMBERS nosuch",
    // What has no byte is listed by a lone star, and fits no other.
    "SET \"\" x\nSADD s \"\"\nHSET h \"\" x\nZADD z 1 \"\"\nKEYS \"\"\nKEYS **\nKEYS *?\nSCAN 0 MATCH **\nSCAN 0 MATCH \"\"\n\
     SSCAN s 0 MATCH *\nSSCAN s 0 MATCH **\nHSCAN h 0 MATCH *\nHSCAN h 0 MATCH **\nZSCAN z 0 MATCH *\nZSCAN z 0 MATCH **\n\
     DEL s h z\nKEYS *\nSCAN 0 MATCH *\nRANDOMKEY",
    // Sets and sorted sets in an order, and without one where it does not show.
    "SADD s 3 1 2\nSET a 1\nLCS a s\nLCS s a NOPE\nLCS s nosuch LEN\nSORT s\nSORT s DESC LIMIT 1 5\nSORT s BY nosort\nSORT s BY nosort STORE d\nLRANGE d 0 -1\n\
     SADD t c a B 10 9\nSORT t\nSORT t ALPHA\nSORT t ALPHA DESC LIMIT 0 3\nSORT t BY nosort DESC STORE d\n\
     LRANGE d 0 -1\nHSET h f 1\nSORT h\nZADD z 3 a 2 b 1 c\nOBJECT ENCODING z\nSORT z BY nosort LIMIT 1 1\n\
     OBJECT ENCODING z\nSORT z BY nosort DESC LIMIT 0 2\nSORT z ALPHA DESC\nSORT z\nSORT nosuch STORE d\nEXISTS d\n\
     EXPIRE t 100\nSORT s STORE t\nTTL t\nTYPE t\nSORT_RO s STORE t\nSORT s GET # GET nosuch GET w_*\nSORT",
    // Lists as tests look at them, with elements outside listpacks.
    "RPUSH l a b c\nDEBUG LISTPACK l\nDEBUG QUICKLIST l\nDEBUG QUICKLIST l 1\nDEBUG QUICKLIST nosuch\n\
     DEBUG LISTPACK nosuch\nDEBUG QUICKLIST-PACKED-THRESHOLD x\nDEBUG QUICKLIST-PACKED-THRESHOLD 5gb\n\
     DEBUG QUICKLIST-PACKED-THRESHOLD 10b\nRPUSH l \"an element of some length\" d\nLINSERT l BEFORE b \"another long element\"\n\
     LSET l 0 \"a long element instead\"\nLSET l 2 short\nLRANGE l 0 -1\nLPOS l \"an element of some length\"\n\
     LREM l 0 \"another long element\"\nLPOP l\nRPOP l 2\nLRANGE l 0 -1\nDEBUG QUICKLIST-PACKED-THRESHOLD 0",
];

/// Bytes after which a server answers, if at all, and closes.
pub(crate) const BROKEN: &[&[u8]] = &[
    b"*1\r\n$4\r\nPING\r\n*x\r\n",
    b"*1\r\nPING\r\n",
    b"*1\r\n$-1\r\n",
    b"*1\r\n$x\r\n",
    b"*2000000\r\n",
    b"PING\r\n\r\n*0\r\n*-1\r\nPING \"a b\"\r\nPING \"a\r\n",
    b"GET 'a'b\r\n",
    b"*1\r\n$999999999999\r\n",
    b"*2\r\n$4\r\nPING\r\n$2\r\nhi\r\nQUIT\r\nPING\r\n",
    b"",
];

/// The commands of a script.
pub(crate) fn commands(script: &str) -> Vec<Vec<Vec<u8>>> {
    let words = |line: &str| {
        let (mut bytes, mut ranges) = (Vec::new(), Vec::new());
        inline::split(line.trim().as_bytes(), &mut bytes, |start, len| {
            ranges.push(start..start + len)
        })
        .expect("quotes close");
        ranges.into_iter().map(|range| bytes[range].to_vec()).collect()
    };
    script.lines().map(words).collect()
}
