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

// Those of `uris`, or the one that is `uri`.
Result<std::vector<proto::Uri>> uris_of(Call& call, const std::vector<std::string>& uris) {
    std::vector<proto::Uri> all;
    if (uris.empty()) {
        auto one = call.uri();
        if (!one) return one.error();
        all.push_back(*std::move(one));
    }
    if (uris.size() > max_removed) {
        call.explain("\"uris\" takes at most " + std::to_string(max_removed));
        return Errc::usage;
    }
    for (const std::string& text : uris) {
        std::string complaint;
        auto uri = proto::Uri::parse(text, complaint);
        if (!uri) call.explain(text + ": " + complaint);
        if (!uri) return uri.error();
        all.push_back(*std::move(uri));
    }
    return all;
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

Task<Api::Arrival> Api::arrived(proto::Uri uri, std::filesystem::path path, Naming naming) {
    auto work = [&store = parts_.store, uri, path, naming] {
        proto::Uri file = uri;
        const auto sha1 = Sha1::from_hex(path.filename().native());
        if (uri.kind == proto::Uri::Kind::directory && sha1) {
            file = {};
            file.sha1 = *sha1;
            file.path = uri.own_name();
        }
        store.note_arrival(file, Record::Kind::loaded);
        Store::Named named{path, std::nullopt};
        if (naming == Naming::own) named = store.named(path, file);
        const auto stamp = named.stamp ? *named.stamp : stamp_at(named.path);
        return Arrival{named.path, stamp ? stamp->text() : std::string()};
    };
    Arrival arrival = co_await offload(parts_.runtime.pool, work);
    storage_answered_ = parts_.runtime.clock.now();  // the next need not ask it
    co_return arrival;
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
    auto uris = uris_of(call, *texts);
    if (!uris) co_return uris.error();
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
