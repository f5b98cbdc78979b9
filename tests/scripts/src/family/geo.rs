//! Geo.

use super::Family;
use crate::grammar::Arg::{
    self, Either, Float, Key, KeyOf, Many, OneOf, Perhaps, Small, Value, Word,
};

/// Limits such that both forms of sorted sets are searched.
pub(crate) const FAMILY: Family = Family {
    name: "geo",
    settings: &[("zset-max-listpack-entries", "24"), ("zset-max-listpack-value", "64")],
    commands: COMMANDS,
};

const LONGITUDE: Arg = Either(&[
    &[OneOf(&["13.361389", "15.087269", "13.5", "14.999", "15", "0", "-0.1", "0.1"])],
    &[OneOf(&["179.9", "-179.9", "180", "-180", "90", "-90", "120.7", "-73.98", "1e-7", "45"])],
    &[OneOf(&["13.4", "13.41", "13.42", "13.43", "13.44", "13.45", "13.46", "13.47"])],
    &[OneOf(&["13.4", "-13.4", "180.1", "-181", "nan", "inf", "x", "1e400", "12.345678901234"])],
]);

const LATITUDE: Arg = Either(&[
    &[OneOf(&["38.115556", "37.502669", "38", "37.4", "37", "0", "-0.1", "0.1"])],
    &[OneOf(&["85", "-85", "85.05112878", "-85.05112878", "66.5", "-66.5", "80.5", "40.7", "-33"])],
    &[OneOf(&["52.5", "52.51", "52.52", "52.53", "52.54", "52.55", "52.56", "52.57"])],
    &[OneOf(&["52.5", "-52.5", "85.1", "-86", "x", "51.987654321"])],
]);

const MEMBER: Arg = Either(&[
    &[OneOf(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"])],
    &[OneOf(&["aa", "ab", "ac", "ad", "ae", "af", "ag", "ah", "ai", "aj", "ak", "al", "am"])],
    &[OneOf(&["ba", "bb", "bc", "bd", "be", "bf", "bg", "bh", "bi", "bj", "bk", "bl", "bm"])],
    &[Value],
]);

const PLACE: Arg = Many(4, &[LONGITUDE, LATITUDE, MEMBER]);

const UNIT: Arg = OneOf(&["m", "km", "KM", "ft", "mi", "km", "km", "x"]);

const LENGTH: Arg = Either(&[
    &[OneOf(&["0", "1", "10", "100", "200", "500", "1000", "5000", "20000", "100000"])],
    &[OneOf(&["3", "0.5", "1e5", "1234567.89", "30000000", "-1", "inf", "x", "7.7"])],
    &[Float],
]);

const DETAILS: Arg = Either(&[
    &[OneOf(&["WITHDIST", "WITHCOORD", "withhash", "ASC", "desc", "ASC", "DESC"])],
    &[OneOf(&["WITHDIST", "WITHCOORD", "WITHHASH", "ANY", "foo", "STOREDIST"])],
    &[Word("COUNT"), OneOf(&["1", "2", "3", "5", "10", "20"])],
    &[Word("count"), Small],
    &[Word("COUNT"), OneOf(&["1", "4", "9"]), Word("ANY")],
    &[OneOf(&["STORE", "storedist"]), Key],
]);

const SEARCH_DETAILS: Arg = Either(&[
    &[OneOf(&["WITHDIST", "WITHCOORD", "withhash", "ASC", "desc", "ASC", "DESC"])],
    &[Word("COUNT"), OneOf(&["1", "2", "3", "5", "10", "20"])],
    &[Word("COUNT"), OneOf(&["1", "4", "9"]), Word("ANY")],
    &[DETAILS],
]);

const FROM: Arg = Either(&[
    &[Word("FROMLONLAT"), LONGITUDE, LATITUDE],
    &[Word("fromlonlat"), LONGITUDE, LATITUDE],
    &[Word("FROMMEMBER"), MEMBER],
]);

const BY: Arg = Either(&[
    &[Word("BYRADIUS"), LENGTH, UNIT],
    &[Word("BYBOX"), LENGTH, LENGTH, UNIT],
    &[Word("bybox"), LENGTH, LENGTH, UNIT],
]);

const STORE_DETAILS: Arg = Either(&[
    &[OneOf(&["STOREDIST", "ASC", "DESC", "storedist", "WITHDIST"])],
    &[Word("COUNT"), OneOf(&["1", "2", "3", "5", "10", "20"])],
]);

const COMMANDS: &[&[Arg]] = &[
    &[Word("GEOADD"), Key, LONGITUDE, LATITUDE, MEMBER, PLACE],
    &[Word("GEOADD"), Key, LONGITUDE, LATITUDE, MEMBER, PLACE],
    &[Word("GEOADD"), Key, LONGITUDE, LATITUDE, MEMBER],
    &[Word("GEOADD"), Key, LONGITUDE, LATITUDE, MEMBER],
    &[Word("GEOADD"), Key, LONGITUDE, LATITUDE, MEMBER],
    &[Word("GEOADD"), Key, LONGITUDE, LATITUDE, MEMBER],
    &[Word("GEOADD"), Key, Many(2, &[OneOf(&["NX", "XX", "CH", "ch", "GT"])]), PLACE],
    &[Word("ZADD"), Key, OneOf(&["-1", "1e30", "0.5", "4503599627370496", "-inf", "7e15"]), MEMBER],
    &[Word("GEOPOS"), Key, Many(3, &[MEMBER])],
    &[Word("GEOHASH"), Key, Many(3, &[MEMBER])],
    &[Word("GEODIST"), Key, MEMBER, MEMBER, Perhaps(&[UNIT])],
    &[Word("GEOSEARCH"), Key, FROM, BY, Many(4, &[SEARCH_DETAILS])],
    &[Word("GEOSEARCH"), Key, FROM, BY, Many(4, &[SEARCH_DETAILS])],
    &[Word("GEOSEARCH"), Key, FROM, BY, Many(2, &[SEARCH_DETAILS])],
    &[Word("GEOSEARCH"), Key, BY, FROM, Perhaps(&[DETAILS])],
    &[Word("GEOSEARCH"), Key, FROM, BY],
    &[Word("geosearch"), Key, Many(2, &[FROM]), Many(2, &[BY]), Many(2, &[SEARCH_DETAILS])],
    &[Word("GEOSEARCHSTORE"), Key, Key, FROM, BY, Many(3, &[STORE_DETAILS])],
    &[Word("GEOSEARCHSTORE"), Key, Key, Many(2, &[FROM]), Many(2, &[BY]), Many(2, &[DETAILS])],
    &[Word("GEORADIUS"), Key, LONGITUDE, LATITUDE, LENGTH, UNIT, Many(3, &[DETAILS])],
    &[Word("GEORADIUS"), Key, LONGITUDE, LATITUDE, LENGTH, UNIT, Many(3, &[SEARCH_DETAILS])],
    &[Word("GEORADIUS_RO"), Key, LONGITUDE, LATITUDE, LENGTH, UNIT, Many(3, &[DETAILS])],
    &[Word("GEORADIUSBYMEMBER"), Key, MEMBER, LENGTH, UNIT, Many(3, &[DETAILS])],
    &[Word("GEORADIUSBYMEMBER"), Key, MEMBER, LENGTH, UNIT, Many(3, &[SEARCH_DETAILS])],
    &[Word("GEORADIUSBYMEMBER_RO"), Key, MEMBER, LENGTH, UNIT, Many(3, &[DETAILS])],
    &[Word("ZREM"), Key, MEMBER],
    &[Word("ZCARD"), Key],
    &[Word("ZRANGE"), Key, Word("0"), Word("-1"), Word("WITHSCORES")],
    &[Word("OBJECT"), Word("ENCODING"), Key],
    &[Word("SET"), KeyOf(&["a", "b"]), Value],
    &[Word("DEL"), KeyOf(&["a", "b", ""])],
    &[Word("DEL"), KeyOf(&["a", "b", ""])],
    &[Word("EXPIRE"), Key, Word("10000")],
];
