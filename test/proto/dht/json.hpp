// Reading the vectors of this folder: bytes are hex, addresses {host, port} or "host:port".
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "proto/dht/time.hpp"
#include "proto/dht/wire/rpc.hpp"
#include "test/vectors.hpp"

namespace kp2p::test {

using Json = simdjson::dom::element;

inline proto::dht::Time at(std::chrono::milliseconds ms) { return proto::dht::Time(ms); }

inline Json group(const char* name) { return vectors("dht")[name].value(); }
inline simdjson::dom::array array_of(simdjson::simdjson_result<Json> v) {
    return v.get_array().value();
}
// The vectors of one group; each is announced to doctest by the caller with CAPTURE(name(v)).
inline simdjson::dom::array rows(const char* name) { return array_of(group(name)["vectors"]); }
inline std::string name(Json v) { return std::string(v["name"].get_string().value()); }

inline bool is_null(Json v, const char* key) {
    auto field = v[key];
    return field.error() || field.value().is_null();
}
inline std::string text(Json v, const char* key) {
    return std::string(v[key].get_string().value());
}
inline std::uint64_t number(Json v, const char* key) { return v[key].get_uint64().value(); }
inline std::uint64_t number_or_0(Json v, const char* key) {
    return is_null(v, key) ? 0 : number(v, key);
}
inline bool flag(Json v, const char* key) { return v[key].get_bool().value(); }
inline ByteVector hex(Json v) { return *from_hex(v.get_string().value()); }
inline ByteVector hex(Json v, const char* key) { return hex(v[key].value()); }
inline std::optional<ByteVector> maybe_hex(Json v, const char* key) {
    if (is_null(v, key)) return std::nullopt;
    return hex(v, key);
}
template <class Id>
Id id(Json v, const char* key) {
    return *Id::from(hex(v, key));
}
template <class Id>
std::optional<Id> maybe_id(Json v, const char* key) {
    if (is_null(v, key)) return std::nullopt;
    return id<Id>(v, key);
}
inline Endpoint endpoint(Json v) {
    if (v.is_string()) return *Endpoint::parse(v.get_string().value());
    return {*Host::parse(text(v, "host")), static_cast<std::uint16_t>(number(v, "port"))};
}
inline Endpoint endpoint(Json v, const char* key) { return endpoint(v[key].value()); }
inline std::optional<Endpoint> maybe_endpoint(Json v, const char* key) {
    if (is_null(v, key)) return std::nullopt;
    return endpoint(v, key);
}
inline std::vector<Endpoint> endpoints(Json v, const char* key) {
    std::vector<Endpoint> list;
    if (is_null(v, key)) return list;
    for (Json item : array_of(v[key])) list.push_back(endpoint(item));
    return list;
}

}  // namespace kp2p::test
