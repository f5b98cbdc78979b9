//! The frameworks as a table: which script has one do its job, and what that needs of the front door.

use super::program::Program;

/// A framework.
#[derive(Debug)]
pub(crate) struct Framework {
    /// As its users call it.
    pub(crate) name: &'static str,
    /// What runs the script.
    pub(crate) program: Program,
    /// In `tests/frameworks`.
    pub(crate) script: &'static str,
    /// Whether it is run without being asked for.
    pub(crate) is_in_ci: bool,
    /// The one that `docs/frameworks.md` recommends comes first.
    pub(crate) setups: &'static [Setup],
}

/// How the front door and the framework are set up.
#[derive(Debug)]
pub(crate) struct Setup {
    /// As the report names it.
    pub(crate) name: &'static str,
    /// Settings of the front door.
    pub(crate) settings: &'static [(&'static str, &'static str)],
    /// What the script is told.
    pub(crate) environment: &'static [(&'static str, &'static str)],
    /// What becomes of it.
    pub(crate) expected: Expected,
}

/// What becomes of a framework.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    /// It does its job.
    Works,
    /// It does not, and this stands in what it says, in capitals or not.
    Refused(&'static str),
}

const AS_SHIPPED: Setup =
    Setup { name: "as shipped", settings: &[], environment: &[], expected: Expected::Works };

const REFUSED: Setup = Setup { expected: Expected::Refused("crossslot"), ..AS_SHIPPED };

const DROP_IN: Setup = Setup {
    name: "profile drop-in",
    settings: &[("profile.name", "drop-in")],
    environment: &[("DATABASES", "1")],
    expected: Expected::Works,
};

const REFUSED_DROP_IN: Setup = Setup { expected: Expected::Refused("crossslot"), ..DROP_IN };

/// For two queues of names that Celery does not choose by itself.
const MAIL_RULE: &str = "mail mail\u{6}* nobody nobody\u{6}* -> celery";

/// All of them.
pub(crate) const FRAMEWORKS: &[Framework] = &[
    Framework {
        name: "Celery",
        program: Program::Python,
        script: "celery_app.py",
        is_in_ci: true,
        setups: &[
            Setup {
                name: "preset celery, a rule for a queue of its own name",
                settings: &[("colocate.presets", "celery"), ("colocate.rules", MAIL_RULE)],
                ..AS_SHIPPED
            },
            Setup {
                name: "preset celery, profile drop-in, results in a database of their own",
                settings: &[
                    ("profile.name", "drop-in"),
                    ("colocate.presets", "celery"),
                    ("colocate.rules", MAIL_RULE),
                ],
                ..DROP_IN
            },
            REFUSED,
            REFUSED_DROP_IN,
        ],
    },
    Framework {
        name: "RQ",
        program: Program::Python,
        script: "rq_app.py",
        is_in_ci: true,
        setups: &[
            Setup { name: "preset rq", settings: &[("colocate.presets", "rq")], ..AS_SHIPPED },
            REFUSED,
            REFUSED_DROP_IN,
        ],
    },
    Framework {
        name: "BullMQ",
        program: Program::Node,
        script: "bullmq.mjs",
        is_in_ci: true,
        setups: &[
            Setup {
                name: "its option prefix: '{bull}'",
                environment: &[("PREFIX", "{bull}")],
                ..AS_SHIPPED
            },
            REFUSED,
        ],
    },
    Framework {
        name: "Sidekiq",
        program: Program::Ruby,
        script: "sidekiq_app.rb",
        is_in_ci: true,
        setups: &[
            Setup {
                name: "preset sidekiq",
                settings: &[("colocate.presets", "sidekiq")],
                ..AS_SHIPPED
            },
            REFUSED,
            DROP_IN,
        ],
    },
    Framework {
        name: "Django",
        program: Program::Python,
        script: "django_app.py",
        is_in_ci: true,
        setups: &[
            DROP_IN,
            Setup {
                name: "transactions.cross_slot = \"per_slot\"",
                settings: &[("transactions.cross_slot", "per_slot")],
                ..AS_SHIPPED
            },
            REFUSED,
        ],
    },
    Framework {
        name: "Bull",
        program: Program::Node,
        script: "bull.mjs",
        is_in_ci: false,
        setups: &[
            Setup { name: "preset bull", settings: &[("colocate.presets", "bull")], ..AS_SHIPPED },
            Setup {
                name: "its option prefix: '{bull}'",
                environment: &[("PREFIX", "{bull}")],
                ..AS_SHIPPED
            },
            REFUSED,
        ],
    },
    Framework {
        name: "bee-queue",
        program: Program::Node,
        script: "bee_queue.mjs",
        is_in_ci: false,
        setups: &[
            Setup {
                name: "preset bee-queue",
                settings: &[("colocate.presets", "bee-queue")],
                ..AS_SHIPPED
            },
            Setup {
                name: "its option prefix: '{bq}'",
                environment: &[("PREFIX", "{bq}")],
                ..AS_SHIPPED
            },
            REFUSED,
        ],
    },
    Framework {
        name: "node-resque",
        program: Program::Node,
        script: "node_resque.mjs",
        is_in_ci: false,
        setups: &[
            Setup {
                name: "preset node-resque",
                settings: &[("colocate.presets", "node-resque")],
                ..AS_SHIPPED
            },
            REFUSED,
        ],
    },
    Framework {
        name: "dramatiq",
        program: Program::Python,
        script: "dramatiq_app.py",
        is_in_ci: false,
        setups: &[
            Setup {
                name: "preset dramatiq, a rule for a window of a rate limit",
                settings: &[
                    ("colocate.presets", "dramatiq"),
                    ("colocate.rules", "window@* -> window"),
                ],
                ..AS_SHIPPED
            },
            Setup { expected: Expected::Refused("non local key"), ..AS_SHIPPED },
        ],
    },
    Framework {
        name: "huey",
        program: Program::Python,
        script: "huey_app.py",
        is_in_ci: false,
        setups: &[AS_SHIPPED],
    },
    Framework {
        name: "Flask-Caching",
        program: Program::Python,
        script: "flask_caching_app.py",
        is_in_ci: false,
        setups: &[AS_SHIPPED],
    },
    Framework {
        name: "Flask-Limiter",
        program: Program::PythonRedis5,
        script: "flask_limiter_app.py",
        is_in_ci: false,
        setups: &[AS_SHIPPED],
    },
    Framework {
        name: "channels-redis",
        program: Program::Python,
        script: "channels_app.py",
        is_in_ci: false,
        setups: &[
            Setup {
                name: "preset channels-redis",
                settings: &[("colocate.presets", "channels-redis")],
                ..AS_SHIPPED
            },
            // By a node or by the front door, as the names of channels have it.
            Setup { expected: Expected::Refused("redis.exceptions."), ..AS_SHIPPED },
        ],
    },
    Framework {
        name: "connect-redis",
        program: Program::Node,
        script: "connect_redis.mjs",
        is_in_ci: false,
        setups: &[AS_SHIPPED],
    },
    Framework {
        name: "socket.io adapter",
        program: Program::Node,
        script: "socket_io.mjs",
        is_in_ci: false,
        setups: &[AS_SHIPPED],
    },
    Framework {
        name: "python-redis-lock",
        program: Program::Python,
        script: "redis_lock_app.py",
        is_in_ci: false,
        setups: &[
            Setup {
                name: "preset python-redis-lock",
                settings: &[("colocate.presets", "python-redis-lock")],
                ..AS_SHIPPED
            },
            REFUSED,
        ],
    },
    Framework {
        name: "redlock",
        program: Program::Node,
        script: "redlock.mjs",
        is_in_ci: false,
        setups: &[AS_SHIPPED],
    },
    Framework {
        name: "redlock-ng",
        program: Program::PythonRedis5,
        script: "redlock_ng_app.py",
        is_in_ci: false,
        setups: &[AS_SHIPPED],
    },
    Framework {
        name: "arq",
        program: Program::PythonRedis5,
        script: "arq_app.py",
        is_in_ci: false,
        setups: &[
            Setup { name: "preset arq", settings: &[("colocate.presets", "arq")], ..AS_SHIPPED },
            REFUSED,
        ],
    },
    Framework {
        name: "saq",
        program: Program::PythonRedis5,
        script: "saq_app.py",
        is_in_ci: false,
        setups: &[
            Setup {
                name: "a queue named {~saq}, rule saq:abort:* -> saq",
                settings: &[("colocate.rules", "saq:abort:* -> saq")],
                environment: &[("QUEUE", "{~saq}")],
                ..AS_SHIPPED
            },
            REFUSED,
        ],
    },
];
