// What those ask who run the node: how it is, and what it was told and can be told anew.
#include "node/api/api.hpp"
#include "proto/outcome.hpp"

namespace kp2p {

// That this is answered is all there is to say.
Api::Answer Api::health(Call&) { co_return std::string("{\"status\":\"ok\"}"); }

Api::Answer Api::metrics(Call&) {
    if (!parts_.metrics) co_return Errc::no_daemon;
    std::string text = co_await parts_.metrics(loads_);
    if (text.ends_with('\n')) text.pop_back();  // the answer ends with one
    co_return text;
}

Api::Answer Api::counted(Answer (Api::*load)(Call&), Call& call) {
    auto outcome = co_await (this->*load)(call);
    count_load(outcome ? std::error_code() : outcome.error());
    co_return outcome;
}

void Api::count_load(std::error_code error) {
    if (error == asio::error::operation_aborted) error = Errc::canceled;
    ++loads_[error ? std::string(code_name(error)) : "done"];
}

Api::Answer Api::settings(Call&) {
    if (!parts_.settings) co_return Errc::no_daemon;
    co_return parts_.settings();
}

Api::Answer Api::set(Call& call) {
    if (!parts_.set) co_return Errc::no_daemon;
    ApiParts::Texts texts;
    for (const char* key : {"channel", "limit_up", "limit_down", "limit_lan", "quota"}) {
        auto text = call.optional_text(key);
        if (!text) co_return text.error();
        if (*text) texts.emplace(key, **text);
    }
    std::string complaint;
    auto set = co_await parts_.set(std::move(texts), complaint);
    if (!set) {
        call.explain(complaint);
        co_return set.error();
    }
    co_return parts_.settings();
}

}  // namespace kp2p
