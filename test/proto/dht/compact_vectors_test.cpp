// The compact encoding against the reference's bytes, where they come with the DHT's vectors.
#include "proto/dht/wire/fields.hpp"
#include "test/proto/dht/json.hpp"

using namespace kp2p;
using namespace kp2p::proto;
using namespace kp2p::test;

namespace {

// Writes what `v` holds.
void write(Writer& writer, const std::string& type, Json v) {
    if (type == "uint")
        writer.uint(v.get_uint64().value());
    else if (type == "uint8")
        writer.u8(static_cast<std::uint8_t>(v.get_uint64().value()));
    else if (type == "uint16")
        writer.u16(static_cast<std::uint16_t>(v.get_uint64().value()));
    else if (type == "uint32")
        writer.u32(static_cast<std::uint32_t>(v.get_uint64().value()));
    else if (type == "uint64")
        writer.u64(v.get_uint64().value());
    else if (type == "fixed32" || type == "fixed64" || type == "raw")
        writer.raw(hex(v));
    else if (type == "buffer")
        writer.buffer(hex(v));
    else if (type == "string")
        writer.string(v.get_string().value());
    else if (type == "ipv4_address")
        writer.addr4(endpoint(v));
    else if (type == "ipv6_address")
        writer.addr6(endpoint(v));
    else {
        std::vector<Endpoint> addresses;
        const simdjson::dom::array items = v.get_array().value();
        for (Json item : items) addresses.push_back(endpoint(item));
        if (type == "array<ipv4_address>")
            dht::write_addresses(writer, addresses);
        else if (type == "array<ipv6_address>")
            dht::write_addresses6(writer, addresses);
        else
            FAIL("no such type");
    }
}

// Reads one value and writes it again.
void copy_over(Reader& reader, Writer& writer, const std::string& type) {
    if (type == "uint")
        writer.uint(reader.uint());
    else if (type == "uint8")
        writer.u8(reader.u8());
    else if (type == "uint16")
        writer.u16(reader.u16());
    else if (type == "uint32")
        writer.u32(reader.u32());
    else if (type == "uint64")
        writer.u64(reader.u64());
    else if (type == "fixed32")
        writer.raw(reader.raw(32));
    else if (type == "fixed64")
        writer.raw(reader.raw(64));
    else if (type == "raw")
        writer.raw(reader.rest());
    else if (type == "buffer")
        writer.buffer(reader.buffer());
    else if (type == "string")
        writer.string(reader.string());
    else if (type == "ipv4_address")
        writer.addr4(reader.addr4());
    else if (type == "ipv6_address")
        writer.addr6(reader.addr6());
    else if (type == "array<ipv6_address>")
        dht::write_addresses6(writer, dht::read_addresses6(reader));
    else
        dht::write_addresses(writer, dht::read_addresses(reader));
}

}  // namespace

TEST_CASE("primitives have the reference's bytes in both directions") {
    std::size_t count = 0;
    for (Json v : rows("compact_encoding")) {
        CAPTURE(name(v));
        const std::string type = text(v["inputs"], "type");
        Writer writer, again;
        write(writer, type, v["inputs"]["value"].value());
        ++count;
        CHECK(to_hex(writer.bytes()) == text(v["expected"], "hex"));
        Reader reader(writer.bytes());
        copy_over(reader, again, type);
        CHECK(reader.finish());
        CHECK(reader.left() == 0);
        CHECK(to_hex(again.bytes()) == to_hex(writer.bytes()));
    }
    CHECK(count >= 50);
}

TEST_CASE("odd encodings are read or refused as the reference does") {
    for (Json v : rows("compact_encoding_decode")) {
        CAPTURE(name(v));
        const std::string type = text(v["inputs"], "type");
        const ByteVector bytes = hex(v["inputs"], "hex");
        Reader reader(bytes);
        Writer writer, expected;
        copy_over(reader, writer, type);
        const bool refused = !is_null(v["expected"], "error");
        CHECK(reader.failed() == refused);
        if (refused) continue;
        write(expected, type, v["expected"]["value"].value());
        CHECK(to_hex(writer.bytes()) == to_hex(expected.bytes()));
    }
}
