"""Values for the columns of every type of the shop of shop.py: by table and database."""

from __future__ import annotations

from typing import Any

from tests.resources.shop_rows import FLOATS, INTEGERS, JSONS, TEXTS

Columns = dict[str, tuple[Any, ...]]

_SMALL = (None, 0, 1, -1, 32767, -32768)
_MIDDLE = (None, 0, 1, -1, 2**31 - 1, -(2**31))
_SINGLE = (None, "0", "-0", "0.1", "3.4028235e+38", "1e-45", "16777217", "1.5")
_MONEY = (None, "0", "0.01", "-0.10", "1.50", "99999999.99", "12.34")
_SHORT = (None, "", " ", "a", "żółć", "🎺", "twenty characters ok")
_BYTES = (None, b"", b"\x00", b"\xff\xfe", b"text", bytes(range(256)))
_BOOLEANS = (None, True, False)
_DATES = (None, "0001-01-01", "1582-10-15", "1970-01-01", "2000-02-29", "2024-12-31", "9999-12-31")
_TIMES = (None, "00:00:00", "12:00:00", "23:59:59.999999", "01:02:03.5")
_MOMENTS = (
    None, "0001-01-01 00:00:00", "1970-01-01 00:00:00", "2024-02-29 12:34:56.789", "2024-03-31 02:30:00",
    "9999-12-31 23:59:59.999999",
)  # fmt: skip

SQLITE: dict[str, Columns] = {
    "all_types": {
        "c_integer": INTEGERS, "c_smallint": _SMALL, "c_bigint": INTEGERS, "c_real": FLOATS,
        "c_double": FLOATS,
        "c_float": FLOATS, "c_numeric": (None, 0, 1, "0.1", "12345678901234", "-2.50", 2**53 + 1),
        "c_decimal": _MONEY, "c_text": TEXTS, "c_clob": TEXTS, "c_varchar": _SHORT, "c_char": (None,
        "", "abc", "ż"),
        "c_blob": _BYTES, "c_boolean": _BOOLEANS, "c_date": _DATES, "c_time": _TIMES,
        "c_datetime": _MOMENTS,
        "c_timestamp": _MOMENTS, "c_json": JSONS,
        "c_untyped": (None, 1, 2**63 - 1, 0.1, -0.0, "text", "", b"\x00\xff"),
    },
    "extremes": {
        "c_integer": (None, "n/a", 1.5, b"\x00"), "c_real": (None, float("inf"), float("-inf"), "n/a"),
        "c_decimal": (None, "a lot", 1e30, float("inf")), "c_boolean": (None, 2, -1, "yes", "true"),
        "c_date": (None, "31/12/1999", "", "2024-02-30", "2024-01-01T00:00:00", 19700101, "now"),
        "c_time": (None, "25:00:00", "noon", 12), "c_datetime": (None, 1700000000, 1.7e9,
        "2024-01-01T10:00:00Z", "", "?"),
        "c_text": (None, 1, 0.1, b"\xff\xfe"), "c_json": (None, "{", "NaN", "", 1, b"\x00"),
    },
    "strict_types": {
        "n": INTEGERS, "x": FLOATS, "t": TEXTS, "b": _BYTES, "a": (None, 1, "1", 0.1, b"\x00"),
    },
}  # fmt: skip

POSTGRESQL: dict[str, Columns] = {
    "all_types": {
        "c_smallint": _SMALL, "c_integer": _MIDDLE, "c_bigint": INTEGERS,
        "c_numeric": (None, "0", "0.0", "-0.10", "1e20", "1e-20", "12345678901234567890.123456789", "1.50"),
        "c_decimal": (None, "0", "0.001", "-1.5", "999999999.999"), "c_real": _SINGLE, "c_double": FLOATS,
        "c_text": TEXTS, "c_varchar": _SHORT, "c_char": (None, "", "a", "żółć", "abcde"), "c_bytea": _BYTES,
        "c_boolean": _BOOLEANS, "c_date": _DATES, "c_time": _TIMES,
        "c_timetz": (None, "00:00:00+00", "12:30:00.5+05:30", "23:59:59.999999-11"),
        "c_timestamp": _MOMENTS,
        "c_timestamptz": (
            None, "1970-01-01 00:00:00+00", "2024-02-29 12:34:56.789+05:30", "1900-01-01 00:00:00+00",
            "9998-12-31 23:59:59.999999+00", "0001-01-02 00:00:00+00",
        ),
        "c_interval": (None, "0", "1 day", "-1 day", "00:00:00.000001", "36 hours", "1 day -00:00:01",
        "10000 days"),
        "c_uuid": (None, "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
                   "123e4567-e89b-12d3-a456-426614174000"),
        "c_json": (*JSONS, '{"a": 1, "a": 2}', ' {"spaces" :  1 } '), "c_jsonb": JSONS,
        "c_integers": (None, "{}", "{1}", "{NULL,1,-1}", "{2147483647}"),
        "c_texts": (None, "{}", '{""}', '{NULL,"NULL","a,b","\\"","\\\\","żółć"}'),
        "c_matrix": (None, "{{1,2},{3,4}}", "{{NULL}}", "{1}"),
        "c_moods": (None, "{}", '{ok,"very happy",NULL}'), "c_enum": (None, "sad", "ok", "very happy",
        "O'K \"quoted\""),
        "c_domain": (None, "a@example.org", "ż@example.org"),
        "c_inet": (None, "10.0.0.1", "10.0.0.1/8", "::1", "fe80::1/64"), "c_cidr": (None, "10.0.0.0/8",
        "::/0"),
        "c_macaddr": (None, "08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"),
        "c_tsvector": (None, "", "'a':1A 'b':2,3"),
        "c_int4range": (None, "empty", "[1,10)", "(,5]", "[1,)", "(,)"), "c_numrange": (None,
        "(0.1,1.50]", "empty"),
        "c_tsrange": (None, "[2024-01-01 00:00,2024-01-02 00:00)", "[2024-01-01 00:00,)"),
        "c_tstzrange": (None, "[2024-01-01 00:00+00,2024-01-02 00:00+02)"),
        "c_daterange": (None, "[2024-01-01,2024-01-31]", "(,2024-01-01)"),
        "c_bit": (None, "00000000", "10101010"), "c_varbit": (None, "", "101"),
    },
    "extremes": {
        "c_numeric": (None, "NaN", "Infinity", "-Infinity", "1e1000", "1e-1000"),
        "c_double": (None, "NaN", "Infinity", "-Infinity"),
        "c_date": (None, "infinity", "-infinity", "0044-03-15 BC", "10000-01-01"), "c_time": (None,
        "24:00:00"),
        "c_timestamp": (None, "infinity", "-infinity", "0044-03-15 12:00:00 BC", "294276-12-31 23:59:59"),
        "c_timestamptz": (None, "infinity", "0044-03-15 12:00:00+00 BC", "10000-01-01 00:00:00+00"),
        "c_interval": (None, "1 month", "1 year 2 months -3 days", "178000000 years"),
        "c_jsonb": (None, "1e1000", '{"n": 0.12345678901234567890123}'),
        "c_dates": (None, "{infinity,2024-01-01}", '{"0044-03-15 BC"}'),
    },
    "odd_types": {
        "c_point": (None, "(1,2)"), "c_box": (None, "(1,1),(0,0)"), "c_pair": (None, "(1,\"a,b\")", "(,)"),
        "c_xml": (None, "<a/>"), "c_money": (None, "12.50"), "c_multirange": (None, "{}", "{[1,3),[5,7)}"),
        "c_oid": (None, 4294967295), "c_name": (None, "a name"),
    },
}  # fmt: skip
