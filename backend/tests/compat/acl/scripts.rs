//! Scripts of several clients: users that are made, changed and removed while clients are them.

/// Client 0 is the operator. Each leaves the default user as it found it.
pub(crate) const SCRIPTS: &[&str] = &[
    // How one becomes a user, and what it is asked for then.
    "1 AUTH x\n1 AUTH nobody x\n1 AUTH a b c\n0 ACL SETUSER u on >p\n1 AUTH u q\n1 AUTH u p\n1 ACL WHOAMI\n1 PING\n\
     0 ACL SETUSER u +ping +acl|whoami\n1 ACL WHOAMI\n1 PING\n1 RESET\n1 ACL WHOAMI\n1 HELLO 2 AUTH u q\n\
     1 HELLO 2 AUTH u p\n1 HELLO 2 AUTH u p SETNAME me\n1 PING\n0 ACL SETUSER u +@all\n1 CLIENT GETNAME\n1 GET a\n\
     0 ACL SETUSER u off\n1 PING\n2 AUTH u p\n0 ACL DELUSER u nobody\n2 AUTH u p\n0 ACL DELUSER default\n\
     0 ACL SETUSER u on nopass\n0 ACL DELUSER u default\n0 ACL USERS\n0 ACL DELUSER u",
    // The password of the default user.
    "1 PING\n0 CONFIG SET requirepass secret\n1 PING\n2 PING\n2 AUTH wrong\n2 AUTH default wrong\n2 AUTH secret\n2 PING\n\
     2 RESET\n2 PING\n2 HELLO 3\n2 HELLO 3 AUTH default secret\n3 QUIT\n0 CONFIG SET requirepass \"\"\n2 PING\n\
     0 CONFIG SET requirepass other\n4 MULTI\n4 AUTH default other\n4 GET a\n0 ACL SETUSER default nopass\n4 GET a\n\
     4 HELLO\n4 ACL WHOAMI\n0 CONFIG GET requirepass\n0 CONFIG SET requirepass \"\"\n0 ACL LIST\n4 HELLO 2",
    "0 ACL SETUSER default off\n1 PING\n1 HELLO 3\n1 AUTH x\n1 AUTH default x\n0 PING\n0 ACL SETUSER default on\n1 PING",
    // Words of refusals: commands, keys, channels; alone, queued, and in scripts.
    "0 ACL SETUSER u on nopass +@all -set -client|kill ~a* %R~b* &a*\n1 AUTH u x\n1 SET a 1\n1 GET c\n1 MGET a b c\n\
     1 DEL b\n1 CLIENT KILL ID 1\n1 CLIENT ID x\n1 PUBLISH x y\n1 SUBSCRIBE c\n1 PSUBSCRIBE a\n1 PSUBSCRIBE b*\n1 nosuch\n\
     1 MULTI\n1 GET a\n1 SET a 1\n1 EXEC\n1 EVAL \"return redis.call('SET', 'a', 1)\" 0\n\
     1 EVAL \"return redis.pcall('SET', 'a', 1)\" 0\n1 EVAL \"return redis.pcall('GET', 'c').err\" 0\n\
     1 EVAL \"return redis.call('GET', 'c')\" 0\n1 EVAL \"return redis.call('PUBLISH', 'x', 'y')\" 0\n\
     1 EVAL \"return redis.call('GET', KEYS[1])\" 1 a\n1 EVAL \"return 1\" 1 c\n1 EVAL \"return 1\" 1 b\n\
     1 EVAL_RO \"return redis.call('GET', KEYS[1])\" 1 b\n1 EVAL \"return {redis.acl_check_cmd('GET', 'a'), \
     redis.acl_check_cmd('set', 'a', 1), redis.acl_check_cmd('GET', 'c'), redis.acl_check_cmd('GET')}\" 0\n\
     1 EVAL \"return redis.acl_check_cmd('nosuch')\" 0\n1 EVAL \"return redis.acl_check_cmd()\" 0\n\
     1 EVAL \"return redis.acl_check_cmd('client', 'kill')\" 0\n1 EVAL \"return redis.acl_check_cmd('client')\" 0\n\
     1 EVAL \"return redis.acl_check_cmd({})\" 0\n1 SPUBLISH a x\n1 SSUBSCRIBE x\n1 UNSUBSCRIBE x\n0 ACL DELUSER u",
    // Queued commands are looked at again when they run.
    "0 ACL SETUSER u on nopass +@all ~* &*\n1 AUTH u x\n1 MULTI\n1 GET a\n1 SET a 1\n1 PUBLISH c x\n1 PING\n\
     0 ACL SETUSER u -get resetkeys resetchannels\n1 EXEC\n1 MULTI\n1 PING\n0 ACL SETUSER u -exec\n1 EXEC\n1 DISCARD\n\
     0 ACL SETUSER u +exec -multi\n1 MULTI\n1 EXEC\n0 ACL SETUSER u +@all\n1 MULTI\n1 AUTH default x\n1 GET a\n1 EXEC\n\
     1 ACL WHOAMI\n0 ACL DELUSER u",
    // Listeners that lose a channel are cut off, and those that keep theirs are not.
    "0 ACL SETUSER u on nopass +@all ~* &a &b\n1 AUTH u x\n2 AUTH u x\n3 AUTH u x\n4 AUTH u x\n1 SUBSCRIBE a\n2 PSUBSCRIBE a\n\
     3 SSUBSCRIBE a b\n0 ACL SETUSER u &c\n0 ACL SETUSER u resetchannels &a &c\n0 PUBSUB NUMPAT\n\
     0 ACL SETUSER u resetchannels &[a]\n0 PUBLISH a hi\n0 ACL SETUSER u allchannels\n0 ACL SETUSER u resetchannels\n\
     0 PUBLISH a hi\n4 PING\n0 ACL DELUSER u",
    "0 ACL SETUSER u on nopass +@all ~* &*\n1 AUTH u x\n1 SUBSCRIBE a\n0 ACL SETUSER u resetchannels (&a)\n0 PUBLISH a x\n\
     0 ACL SETUSER u clearselectors\n0 PUBLISH a x\n0 ACL DELUSER u",
    // Who waits is served by the rights that it came with, and cut off with its user.
    "0 ACL SETUSER u on nopass +@all ~* &*\n1 AUTH u x\n1 BLPOP k 0\n0 ACL SETUSER u -blpop resetkeys\n0 LPUSH k 1\n1 BLPOP k 0\n\
     0 ACL SETUSER u +@all ~*\n1 BLPOP k 0\n2 AUTH u x\n2 MULTI\n0 ACL DELUSER u\n0 LPUSH k 2\n0 LLEN k",
    // A user that is made anew is another one.
    "0 ACL SETUSER u on nopass +@all\n1 AUTH u x\n0 ACL DELUSER u\n0 ACL SETUSER u on nopass +@all\n2 AUTH u x\n2 ACL WHOAMI\n\
     2 ACL DELUSER u\n0 ACL USERS",
    "0 ACL SETUSER u on nopass +@all ~* &*\n1 AUTH u x\n2 AUTH u x\n3 PING\n1 CLIENT KILL USER u\n1 CLIENT KILL USER u SKIPME no\n\
     0 CLIENT KILL USER nobody\n0 ACL DELUSER u",
    // What needs the right to read every key.
    "0 RPUSH l 3 1 2\n0 MSET w3 1 w1 3 w2 2\n0 ACL SETUSER u on nopass +@all ~l %R~w*\n1 AUTH u x\n1 SORT l\n1 SORT l BY w*\n\
     1 SORT l BY nosort\n1 SORT l GET #\n1 SORT_RO l GET w*\n0 ACL SETUSER u %W~*\n1 SORT l BY w*\n0 ACL SETUSER u %R~*\n\
     1 SORT l BY w* GET w* GET #\n0 ACL SETUSER u resetkeys ~l (~* +get)\n1 SORT l BY w*\n0 ACL SETUSER u (~* +sort)\n\
     1 SORT l BY w*\n0 ACL DELUSER u",
    // Subcommands, and what is asked about users.
    "0 ACL SETUSER u on\n0 ACL SETUSER \"a b\" on\n0 ACL SETUSER \"a\\x00b\"\n0 ACL SETUSER\n0 ACL GETUSER nobody\n0 ACL GETUSER\n\
     0 ACL SETUSER u (+get ~a\n0 ACL SETUSER u on (+get ~a) ( +set\n0 ACL SETUSER u (+get ~a ) off\n0 ACL LIST\n\
     0 ACL DRYRUN u get a\n0 ACL DRYRUN u get b\n0 ACL DRYRUN u get\n0 ACL DRYRUN u nosuch\n0 ACL DRYRUN nobody get a\n\
     0 ACL DRYRUN u config\n0 ACL DRYRUN u config nosuch\n0 ACL DRYRUN u set a\n0 ACL DRYRUN u\n0 ACL DRYRUN u auth x\n\
     0 ACL DRYRUN default subscribe x\n0 ACL CAT nosuch\n0 ACL CAT a b\n0 ACL CAT\n0 ACL GENPASS 0\n0 ACL GENPASS 4097\n\
     0 ACL GENPASS x\n0 ACL GENPASS 1 2\n0 ACL nosuch\n0 ACL\n0 ACL WHOAMI x\n0 ACL LOG 1 2\n0 ACL LOAD\n0 ACL SAVE\n\
     0 ACL LOAD x\n0 ACL USERS x\n0 ACL DELUSER u",
    // What new users may listen to.
    "0 CONFIG SET acl-pubsub-default allchannels\n0 ACL SETUSER u\n0 ACL SETUSER u (+get)\n0 ACL LIST\n0 ACL SETUSER u &a\n\
     0 ACL SETUSER u resetchannels\n0 ACL LIST\n0 ACL SETUSER u reset\n0 ACL LIST\n0 CONFIG SET acl-pubsub-default x\n\
     0 CONFIG SET acl-pubsub-default resetchannels\n0 ACL SETUSER u reset\n0 ACL LIST\n0 CONFIG SET acllog-max-len -1\n\
     0 CONFIG SET aclfile x\n0 ACL DELUSER u",
];

pub(super) const LOG_SETUP: &str =
    "ACL LOG RESET\nACL SETUSER user reset on nopass +@all -set ~a* &a";

/// Refused commands, of which some are the same as one before.
pub(super) const LOGGED: &str = "AUTH nobody x\nauth user\nHELLO 2 AUTH nobody x\nAUTH user x\nSET a 1\nGET b\nGET c\nMGET a c b\n\
     PUBLISH x y\nSUBSCRIBE a x\nSET a 1\nCONFIG\nMULTI\nSET a 1\nGET b\nEXEC\nEVAL \"return redis.pcall('SET', 'a', 1)\" 0\n\
     EVAL \"return redis.pcall('GET', 'b')\" 0\nEVAL \"return redis.pcall('PUBLISH', 'b', 1)\" 0\n\
     EVAL \"return redis.acl_check_cmd('GET', 'b')\" 0\nMULTI\nAUTH nobody y\nEXEC\nMULTI\nAUTH nobody y\nEXEC\nAUTH user x\n\
     GET b";
