//! Rows about places on the earth.

use crate::command::CommandSpec;
use crate::command::key_spec::OddKeys;
use crate::command::row::{key, keys_after, row};

pub(super) const ROWS: &[CommandSpec] = &[
    row("geoadd", -5, "write denyoom", "geo")
        .keys(&[key(1, "RW update")])
        .since("3.2.0", "O(log(N)) per place")
        .about("Adds places with longitude and latitude to a sorted set"),
    row("geodist", -4, "readonly", "geo")
        .keys(&[key(1, "RO access")])
        .since("3.2.0", "O(log(N))")
        .about("Answers the distance between two places"),
    row("geohash", -2, "readonly", "geo")
        .keys(&[key(1, "RO access")])
        .since("3.2.0", "O(log(N)) per place")
        .about("Answers the geohash texts of places"),
    row("geopos", -2, "readonly", "geo")
        .keys(&[key(1, "RO access")])
        .since("3.2.0", "O(N)")
        .about("Answers the longitudes and latitudes of places"),
    row("georadius", -6, "write denyoom", "geo")
        .keys(&[
            key(1, "RO access"),
            keys_after("STORE", 6, 0, "OW update"),
            keys_after("STOREDIST", 6, 0, "OW update"),
        ])
        .odd_keys(OddKeys::LastStore)
        .since("3.2.0", "O(N+log(M))")
        .deprecated("6.2.0", "GEOSEARCH or GEOSEARCHSTORE, BYRADIUS")
        .about("Finds places around a point, and may store them"),
    row("georadius_ro", -6, "readonly", "geo")
        .keys(&[key(1, "RO access")])
        .since("3.2.10", "O(N+log(M))")
        .deprecated("6.2.0", "GEOSEARCH BYRADIUS")
        .about("Finds places around a point"),
    row("georadiusbymember", -5, "write denyoom", "geo")
        .keys(&[
            key(1, "RO access"),
            keys_after("STORE", 5, 0, "OW update"),
            keys_after("STOREDIST", 5, 0, "OW update"),
        ])
        .odd_keys(OddKeys::LastStore)
        .since("3.2.0", "O(N+log(M))")
        .deprecated("6.2.0", "GEOSEARCH or GEOSEARCHSTORE, FROMMEMBER and BYRADIUS")
        .about("Finds places around another place, and may store them"),
    row("georadiusbymember_ro", -5, "readonly", "geo")
        .keys(&[key(1, "RO access")])
        .since("3.2.10", "O(N+log(M))")
        .deprecated("6.2.0", "GEOSEARCH FROMMEMBER BYRADIUS")
        .about("Finds places around another place"),
    row("geosearch", -7, "readonly", "geo")
        .keys(&[key(1, "RO access")])
        .since("6.2.0", "O(N+log(M))")
        .about("Finds places inside a circle or a box"),
    row("geosearchstore", -8, "write denyoom", "geo")
        .keys(&[key(1, "OW update"), key(2, "RO access")])
        .since("6.2.0", "O(N+log(M))")
        .about("Stores the places inside a circle or a box"),
];
