#include "node/api/load_call.hpp"

#include <algorithm>

#include "proto/json.hpp"

namespace kp2p {
namespace {

constexpr std::size_t max_told_nodes = 16;
constexpr std::chrono::seconds max_outage = std::chrono::hours(30 * 24);

}  // namespace

Result<Clock::Span> outage_of(Call& call) {
    auto wait = call.optional_number("wait");
    if (!wait) return wait.error();
    if (!*wait) return Clock::Span(usual_outage);
    if (**wait > std::uint64_t(max_outage.count())) {
        call.explain("\"wait\" takes seconds, no more than 30 days");
        return Errc::usage;
    }
    return std::max<Clock::Span>(std::chrono::seconds(**wait), least_outage);
}

std::string progress_line(const FetchProgress& progress) {
    proto::JsonWriter json;
    json.begin_object().field("event", "progress");
    json.field("verified_bytes", progress.verified_bytes);
    json.field("size_bytes", progress.size_bytes);
    json.field("providers", progress.providers).key("from").begin_array();
    for (std::size_t i = 0; i < progress.from.size() && i < max_told_nodes; ++i)
        json.value(progress.from[i].hex());
    return json.end_array().end_object().take();
}

bool News::is_due(const FetchProgress& progress) {
    constexpr std::chrono::seconds quiet_span{1};
    const Clock::Time now = clock_.now();
    if (told_ && *told_ == progress && now - told_at_ < quiet_span) return false;
    told_ = progress;
    told_at_ = now;
    return true;
}

}  // namespace kp2p
