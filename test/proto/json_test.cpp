#include "proto/json.hpp"

#include <doctest/doctest.h>

#include "proto/bytes.hpp"
#include "test/vectors.hpp"

using namespace kp2p;
using proto::JsonWriter;

TEST_CASE("strings are escaped as Python's json.dumps() does") {
    for (const auto row : test::vectors("file")["json_strings"]) {
        const ByteVector text = *from_hex(row["text_hex"].get_string());
        const std::string_view expected = row["json"].get_string();
        CHECK(JsonWriter(JsonWriter::Style::python).value(as_text(text)).text() == expected);
    }
}

TEST_CASE("the compact style escapes only what JSON demands") {
    CHECK(JsonWriter().value("\"\\/\b\f\n\r\t\x01\x7f é😀").text() ==
          "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7f é😀\"");
}

TEST_CASE("bytes that are no UTF-8 become replacement characters") {
    const struct {
        std::string text;
        const char* json;
    } rows[] = {
        {"a\xff", "\"a\ufffd\""},
        {"\xc3", "\"\ufffd\""},
        {"\xc0\x80", "\"\ufffd\ufffd\""},                      // overlong NUL
        {"\xed\xa0\x80", "\"\ufffd\ufffd\ufffd\""},            // a surrogate
        {"\xf4\x90\x80\x80", "\"\ufffd\ufffd\ufffd\ufffd\""},  // past U+10FFFF
        {"\xe6\x96z", "\"\ufffd\ufffdz\""},
    };
    for (const auto& row : rows) CHECK(JsonWriter().value(row.text).text() == row.json);
    CHECK(JsonWriter(JsonWriter::Style::python).value("\xff").text() == "\"\\ufffd\"");
}

TEST_CASE("objects and arrays nest, with commas where they belong") {
    const auto write = [](JsonWriter json) {
        json.begin_object().field("a", 1).field("b", true).key("c").begin_array();
        json.value("x").begin_object().end_object().null().end_array();
        return json.field("d", -5).key("e").begin_array().end_array().end_object().take();
    };
    CHECK(write(JsonWriter()) == R"({"a":1,"b":true,"c":["x",{},null],"d":-5,"e":[]})");
    CHECK(write(JsonWriter(JsonWriter::Style::python)) ==
          R"({"a": 1, "b": true, "c": ["x", {}, null], "d": -5, "e": []})");
}

TEST_CASE("numbers keep their value") {
    CHECK(JsonWriter().value(18446744073709551615u).text() == "18446744073709551615");
    CHECK(JsonWriter().value(1700000000.1234567).text() == "1700000000.1234567");
    CHECK(JsonWriter().value(1700000000.0).text() == "1700000000.0");
    CHECK(JsonWriter().value(0.5).text() == "0.5");
    CHECK(JsonWriter().value(1e20).text() == "100000000000000000000.0");
}
