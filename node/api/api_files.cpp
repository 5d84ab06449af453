// What the storage holds: listed, removed, pinned, collected.
#include <algorithm>

#include "node/api/api.hpp"
#include "node/async/offload.hpp"
#include "node/async/offload_long.hpp"
#include "node/store/store.hpp"
#include "proto/json.hpp"
#include "proto/number.hpp"
#include "proto/outcome.hpp"
#include "proto/text.hpp"

namespace kp2p {
namespace {

using proto::JsonWriter;

constexpr std::size_t max_removed = 1024;  // by one call

std::string words_for(std::error_code error, const std::string& why) {
    if (!why.empty()) return why;
    if (error == Errc::not_found) return "it is not in the storage";
    if (is_storage_error(error)) return storage_trouble();
    return {};
}

std::error_code failure_of(Call& call, std::error_code error, const std::string& why) {
    if (const std::string words = words_for(error, why); !words.empty()) call.explain(words);
    return error;
}

std::string line_of(const CatalogEntry& entry) {
    JsonWriter json;
    json.begin_object().field("event", "file").field("uri", entry.uri.text());
    json.field("name", entry.uri.own_name()).field("kind", name_of(entry.kind));
    json.field("pinned", entry.pinned).field("size", entry.size_bytes);
    return json.field("time", entry.time_s).end_object().take();
}

struct Listed {
    CatalogList entries;
    std::uint64_t bytes = 0;
};

// Those whose name or URI has `words`.
Listed listed(CatalogList all, const std::string& words) {
    Listed listed{std::move(all)};
    listed.entries.keep_if([&](const CatalogEntry& entry) {
        const bool has =
            words.empty() ||
            proto::in_lower_case(entry.uri.own_name() + ' ' + entry.uri.text()).find(words) !=
                std::string::npos;
        if (has) listed.bytes += entry.size_bytes;
        return has;
    });
    return listed;
}

std::string json_of(const std::vector<std::string>& uris,
                    const std::vector<Catalog::Removal>& removals) {
    JsonWriter json;
    json.begin_object().key("removed").begin_array();
    for (std::size_t i = 0; i < removals.size(); ++i) {
        const auto& [outcome, why] = removals[i];
        json.begin_object().field("uri", uris[i]);
        if (outcome)
            json.field("files", outcome->files).field("bytes", outcome->bytes);
        else
            json.field("code", code_name(outcome.error()))
                .field("message", words_for(outcome.error(), why));
        json.end_object();
    }
    return json.end_array().end_object().take();
}

std::string json_of(const Removed& removed, const Unread& unread = {}) {
    JsonWriter json;
    json.begin_object().field("files", removed.files).field("bytes", removed.bytes);
    if (const std::string words = unread.words(); !words.empty()) json.field("unread", words);
    return json.end_object().take();
}

}  // namespace

Task<std::vector<Api::Arrival>> Api::arrived(std::vector<Came> all) {
    auto work = [&store = parts_.store, all = std::move(all)] {
        std::vector<Arrival> arrivals;
        for (const Came& each : all) {
            proto::Uri file = each.uri;
            const auto sha1 = Sha1::from_hex(each.path.filename().native());
            if (file.kind == proto::Uri::Kind::directory && sha1) {
                file = {};
                file.sha1 = *sha1;
                file.path = each.uri.own_name();
            }
            store.note_arrival(file, Record::Kind::loaded);
            Store::Named named{each.path, std::nullopt};
            if (each.naming == Naming::own) named = store.named(each.path, file);
            if (!named.stamp)
                if (auto stamp = stamp_at(named.path)) named.stamp = *stamp;
            arrivals.push_back({named.path, named.stamp});
        }
        return arrivals;
    };
    auto arrivals = co_await offload(parts_.runtime.pool, std::move(work));
    storage_answered_ = parts_.runtime.clock.now();  // the next need not ask it
    co_return arrivals;
}

Task<Api::Arrival> Api::arrived(Came came) {
    std::vector<Came> one;
    one.push_back(std::move(came));
    auto arrivals = co_await arrived(std::move(one));
    co_return std::move(arrivals.front());
}

Api::Answer Api::files(Call& call) {
    auto search = call.parameter("search");
    if (!search) co_return search.error();
    auto limit = call.parameter("limit");
    if (!limit) co_return limit.error();
    const auto most = parse_number<std::uint64_t>(limit->value_or("0"));
    if (!most) {
        call.explain("\"limit\" must be a whole number, not negative");
        co_return Errc::usage;
    }
    Unread unread;
    auto list = [catalog = parts_.store.catalog(),
                 words = proto::in_lower_case(search->value_or("")),
                 &unread](const std::stop_token& stop) -> Result<Listed> {
        if (auto can = catalog.can_list(); !can) return can.error();
        return listed(catalog.entries(stop, &unread), words);
    };
    const auto all = co_await offload_long(parts_.long_threads, list);
    if (!all) co_return failure_of(call, all.error(), {});
    const std::size_t told =
        *most == 0 ? all->entries.size() : std::min<std::uint64_t>(*most, all->entries.size());
    for (std::size_t i = 0; i < told; ++i) {
        auto sent = co_await call.send(line_of(all->entries[i]));
        if (!sent) co_return sent.error();
    }
    JsonWriter json;
    json.begin_object().field("event", "result").field("files", all->entries.size());
    if (const std::string words = unread.words(); !words.empty()) json.field("unread", words);
    co_return json.field("bytes", all->bytes).end_object().take();
}

Api::Answer Api::remove(Call& call) {
    auto texts = call.texts("uris");
    if (!texts) co_return texts.error();
    auto uris = call.uris(max_removed);
    if (!uris) co_return uris.error();
    if (texts->empty()) {
        auto one = call.uri();
        if (!one) co_return one.error();
        uris->push_back(*std::move(one));
    }
    auto work = [catalog = parts_.store.catalog(), &uris](const std::stop_token&) {
        return catalog.remove(*uris);
    };
    const auto removals = co_await offload_long(parts_.long_threads, work);
    for (std::size_t i = 0; i < removals.size(); ++i)
        if (removals[i].outcome) parts_.runtime.log("api", "removed " + (*uris)[i].text());
    if (!texts->empty()) co_return json_of(*texts, removals);
    const auto& [outcome, why] = removals.front();
    if (!outcome) co_return failure_of(call, outcome.error(), why);
    co_return json_of(*outcome);
}

Api::Answer Api::pin(Call& call) {
    auto uri = call.uri();
    if (!uri) co_return uri.error();
    auto work = [catalog = parts_.store.catalog(), uri] { return catalog.pin(*uri); };
    auto pinned = co_await offload(parts_.runtime.pool, work);
    if (!pinned) co_return failure_of(call, pinned.error(), {});
    co_return std::string("{}");
}

Api::Answer Api::unpin(Call& call) {
    auto uri = call.uri();
    if (!uri) co_return uri.error();
    auto work = [catalog = parts_.store.catalog(), uri] { return catalog.unpin(*uri); };
    auto unpinned = co_await offload(parts_.runtime.pool, work);
    const bool none = !unpinned && unpinned.error() == Errc::not_found;
    if (!unpinned) co_return failure_of(call, unpinned.error(), none ? "it is not pinned" : "");
    co_return std::string("{}");
}

Api::Answer Api::collect(Call& call) {
    auto most = call.optional_number("max");
    if (!most) co_return most.error();
    auto dry = call.truth("dry_run");
    if (!dry) co_return dry.error();
    const auto mode = *dry ? Catalog::Mode::dry_run : Catalog::Mode::really;
    Unread unread;
    auto work = [catalog = parts_.store.catalog(), most = most->value_or(0), mode,
                 &unread](const std::stop_token& stop) -> Result<Removed> {
        if (auto can = catalog.can_list(); !can) return can.error();
        return catalog.collect(most, mode, stop, &unread);
    };
    auto removed = co_await offload_long(parts_.long_threads, work);
    if (!removed) co_return failure_of(call, removed.error(), {});
    co_return json_of(*removed, unread);
}

Api::Answer Api::stored(Call& call) {
    auto bytes = call.optional_number("bytes");
    if (!bytes) co_return bytes.error();
    co_await keep_limit(bytes->value_or(0));
    co_return std::string("{}");
}

Task<> Api::keep_limit(std::uint64_t added_bytes) {
    if (!parts_.store.is_limited()) co_return;
    auto keep = [&store = parts_.store, added_bytes](const std::stop_token&) {
        store.keep_limit(added_bytes);
        return true;
    };
    (void)co_await offload_long(parts_.long_threads, keep);
}

}  // namespace kp2p
