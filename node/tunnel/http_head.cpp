#include "node/tunnel/http_head.hpp"

// As in node/api/http_message.cpp: nothing from the network may end the process.
#define BOOST_DISABLE_ASSERTS
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include "proto/errc.hpp"

namespace kp2p {
namespace {

namespace beast_http = boost::beast::http;

constexpr std::size_t max_head_fields = 64;

boost::beast::string_view beast_text(std::string_view text) { return {text.data(), text.size()}; }
std::string own_text(boost::beast::string_view text) { return {text.data(), text.size()}; }

void take_start(HttpHead& head, const beast_http::request_header<>& from) {
    head.method = own_text(from.method_string());
    head.target = own_text(from.target());
}
void take_start(HttpHead& head, const beast_http::response_header<>& from) {
    head.status = static_cast<int>(from.result_int());
}

template <class Parser>
Result<std::optional<ParsedHead>> parse_with(ByteView bytes) {
    Parser parser;
    parser.header_limit(HttpHead::max_bytes);
    parser.skip(true);  // the body, which is none
    boost::beast::error_code error;
    ParsedHead parsed;
    parsed.bytes = parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
    if (error == beast_http::error::need_more && bytes.size() <= HttpHead::max_bytes)
        return std::optional<ParsedHead>();
    if (error == beast_http::error::need_more || error == beast_http::error::header_limit)
        return proto::Errc::too_long;
    if (error || !parser.is_header_done()) return proto::Errc::bad_text;
    take_start(parsed.head, parser.get());
    for (const auto& field : parser.get()) {
        if (parsed.head.fields.size() == max_head_fields) return proto::Errc::too_long;
        parsed.head.fields.emplace_back(own_text(field.name_string()), own_text(field.value()));
    }
    return std::optional(std::move(parsed));
}

}  // namespace

std::string_view HttpHead::field(std::string_view name) const {
    for (const auto& [each, value] : fields)
        if (boost::beast::iequals(beast_text(each), beast_text(name))) return value;
    return {};
}

bool HttpHead::has_word(std::string_view name, std::string_view word) const {
    return beast_http::token_list(beast_text(field(name))).exists(beast_text(word));
}

Result<std::optional<ParsedHead>> parse_head(HttpSide side, ByteView bytes) {
    return side == HttpSide::request
               ? parse_with<beast_http::request_parser<beast_http::empty_body>>(bytes)
               : parse_with<beast_http::response_parser<beast_http::empty_body>>(bytes);
}

}  // namespace kp2p
