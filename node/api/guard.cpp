#include "node/api/guard.hpp"

#include <boost/beast/core/string.hpp>

#include "proto/number.hpp"

namespace kp2p {

namespace {

// Names of hosts and types are in small letters or capitals.
bool are_alike(std::string_view one, std::string_view other) {
    return boost::beast::iequals({one.data(), one.size()}, {other.data(), other.size()});
}

}  // namespace

Guard::Guard(const proto::ApiToken& token, std::uint16_t port)
    : token_(token),
      port_(port),
      authorities_{"127.0.0.1:" + std::to_string(port), "localhost:" + std::to_string(port)} {}

bool Guard::is_own(std::string_view authority) const {
    return are_alike(authority, authorities_[0]) || are_alike(authority, authorities_[1]);
}

std::optional<Refusal> Guard::check_sender(const RequestHead& head, Way way) const {
    if (head.host.size() != 1 || (way == Way::tcp && !is_own(head.host[0])))
        return Refusal{403, Errc::unauthorized, "the Host header names another server"};
    for (std::string_view origin : head.origin) {
        constexpr std::string_view scheme = "http://";
        if (!origin.starts_with(scheme) || !is_own(origin.substr(scheme.size())))
            return Refusal{403, Errc::unauthorized, "requests of web pages are not taken"};
    }
    return std::nullopt;
}

std::optional<Refusal> Guard::check_body(const RequestHead& head, BodyKind kind) const {
    if (head.encoded) return Refusal{415, Errc::usage, "encoded bodies are not taken"};
    if (head.chunked && kind == BodyKind::json)
        return Refusal{415, Errc::usage, "a JSON body comes whole, not in chunks"};
    const auto& lengths = head.content_length;
    if (lengths.empty() && (head.chunked || !head.takes_body)) return std::nullopt;
    const auto length =
        lengths.size() == 1 ? parse_number<std::uint64_t>(lengths[0]) : std::nullopt;
    if (!length) return Refusal{411, Errc::usage, "one Content-Length is required"};
    if (kind == BodyKind::bytes || *length == 0) return std::nullopt;
    if (*length > max_body_bytes) return Refusal{413, Errc::limit_reached, "the body is too long"};
    constexpr std::string_view json = "application/json";
    if (head.content_type.size() != 1 ||
        !are_alike(head.content_type[0].substr(0, json.size()), json))
        return Refusal{415, Errc::usage, "the body must be application/json"};
    return std::nullopt;
}

proto::ApiHello Guard::hello(const proto::ApiNonce& client, const proto::ApiNonce& server) const {
    return {port_, client, server};
}

proto::ApiProof Guard::proof(const proto::ApiHello& hello) const {
    return proto::server_proof(token_, hello);
}

bool Guard::is_proven(const RequestHead& head, const std::optional<proto::ApiHello>& hello) const {
    if (head.authorization.size() != 1) return false;
    const std::string_view said = head.authorization[0];
    constexpr std::string_view scheme = "KP2P ";
    if (!hello || !said.starts_with(scheme)) return false;
    const auto proof = proto::ApiProof::from_hex(said.substr(scheme.size()));
    return proof && proto::same_proof(*proof, proto::client_proof(token_, *hello));
}

}  // namespace kp2p
