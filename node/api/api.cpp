#include "node/api/api.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <chrono>

#include "node/async/foreign_calls.hpp"
#include "node/async/offload_long.hpp"
#include "node/share/share.hpp"
#include "node/store/store.hpp"
#include "proto/json.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using proto::JsonWriter;

JsonWriter event(const char* name) {
    JsonWriter json;
    json.begin_object().field("event", name);
    return json;
}

std::string end(JsonWriter& json) { return json.end_object().take(); }

Result<ChannelName> channel_of(Call& call) {
    auto text = call.text("name");
    if (!text) return text.error();
    auto name = ChannelName::parse(*text);
    if (!name) call.explain(ChannelName::rule);
    return name;
}

// Something that the user has to know although the call succeeds.
Task<Result<void>> send_remarks(Call& call, const std::vector<std::string>& remarks) {
    for (const std::string& remark : remarks) {
        auto sent = co_await call.send(remark_line(remark));
        if (!sent) co_return sent;
    }
    co_return ok;
}

// The daemon does not know where its client is, so a relative path would mean another place.
Result<std::filesystem::path> absolute(Call& call, const std::string& text) {
    std::filesystem::path path(text);
    if (path.is_absolute()) return path;
    call.explain("the path is not absolute: " + text);
    return Errc::usage;
}

// What a client sees at a path, if it has said it.
struct Seen {
    std::optional<std::uint64_t> device, inode;
};

Result<Seen> seen_by(Call& call) {
    auto device = call.optional_number("device");
    if (!device) return device.error();
    auto inode = call.optional_number("inode");
    if (!inode) return inode.error();
    return Seen{*device, *inode};
}

Result<PutOptions> options_of(Call& call) {
    PutOptions options;
    auto name = call.optional_text("name");
    if (!name) return name.error();
    options.name = name->value_or("");
    auto exclude = call.texts("exclude");
    if (!exclude) return exclude.error();
    options.exclude = *std::move(exclude);
    auto follow = call.truth("follow");
    if (!follow) return follow.error();
    options.follow = *follow;
    if (options.name.empty() || proto::is_entry_name(options.name)) return options;
    call.explain("\"name\" must be the name of a file");
    return Errc::usage;
}

// A path on a file system that does not answer costs its caller some seconds; it would cost work on
// it a thread, for good. And what we see there may be something else than what the client sees.
Task<Result<void>> reach(ApiParts& parts, Call& call, std::filesystem::path path, Seen seen) {
    auto look = [path, seen]() -> Result<bool> {
        struct stat status;  // whoever works on the path finds out what is wrong with it
        const bool found = ::stat(path.c_str(), &status) == 0;
        if (!seen.device || !seen.inode) return true;
        return found && status.st_dev == *seen.device && status.st_ino == *seen.inode;
    };
    auto same = co_await parts.foreign.call(path, look);
    if (same && *same) co_return ok;
    if (!same && same.error() == Errc::timed_out)
        call.explain("the file system of " + path.string() + " does not answer");
    if (!same) co_return same.error();
    call.explain("the daemon does not see " + path.string() +
                 " as you do (another mount namespace, container or user)");
    co_return Errc::failed;
}

// Unless there was no memory for the channel's key, the node is in it, or out of it, all the same.
void explain_forgetting(Call& call, std::error_code error) {
    if (error == std::errc::not_enough_memory) return;
    if (error == Errc::out_of_space || error.category() == std::generic_category())
        call.explain("this holds until the daemon stops, for it cannot be kept: " +
                     storage_trouble());
}

struct Stored {
    Result<proto::Uri> uri;
    std::vector<std::string> remarks;
    std::uint64_t bytes = 0;
    std::filesystem::path culprit;  // what failed, if something did
};

// Store::put() off the loop, stopped when the caller is cancelled.
Task<Stored> put_off_loop(ApiParts& parts, std::filesystem::path path, PutOptions options) {
    auto work = [&store = parts.store, &path, &options](const std::stop_token& stop) {
        std::vector<std::string> remarks;
        options.stop = stop;
        options.remark = [&remarks](const std::string& remark) { remarks.push_back(remark); };
        std::filesystem::path culprit = path;
        options.blame = [&culprit](const std::filesystem::path& one) { culprit = one; };
        std::uint64_t bytes = 0;
        options.progress = [&bytes](const auto&, std::size_t hashed) { bytes += hashed; };
        auto uri = store.put(path, options);
        return Stored{std::move(uri), std::move(remarks), bytes, std::move(culprit)};
    };
    co_return co_await offload_long(parts.long_threads, work);
}

}  // namespace

Api::Api(HttpServer& server, ApiParts parts) : server_(server), parts_(std::move(parts)) {
    using Method = HttpServer::Method;
    enum class Needs { node, storage };
    struct Route {
        Method method;
        const char* path;
        Shape shape;
        Answer (Api::*answer)(Call&);
        Needs needs = Needs::node;
        Access access = Access::proven;
    };
    const Route routes[] = {
        {Method::get, "/v1/status", Shape::json, &Api::status, Needs::storage},
        {Method::get, "/v1/doctor", Shape::json, &Api::doctor},
        {Method::post, "/v1/trial", Shape::events, &Api::trial},
        {Method::post, "/v1/stop", Shape::json, &Api::stop},
        {Method::get, "/healthz", Shape::json, &Api::health, Needs::node, Access::anybody},
        {Method::get, "/metrics", Shape::metrics, &Api::metrics, Needs::storage,
         parts_.open_metrics ? Access::anybody : Access::proven},
        {Method::get, "/v1/settings", Shape::json, &Api::settings},
        {Method::post, "/v1/settings", Shape::json, &Api::set},
        {Method::get, "/v1/channels", Shape::json, &Api::channels},
        {Method::post, "/v1/channels", Shape::json, &Api::join},
        {Method::del, "/v1/channels", Shape::json, &Api::leave},
        {Method::post, "/v1/load", Shape::events, &Api::load, Needs::storage},
        {Method::post, "/v1/find", Shape::events, &Api::find, Needs::storage},
        {Method::post, "/v1/cat", Shape::frames, &Api::counted_cat, Needs::storage},
        {Method::post, "/v1/ls", Shape::events, &Api::list, Needs::storage},
        {Method::post, "/v1/store", Shape::events, &Api::put, Needs::storage},
        {Method::get, "/v1/transfers", Shape::json, &Api::transfers},
        {Method::del, "/v1/transfers", Shape::json, &Api::cancel_transfer},
        {Method::post, "/v1/web", Shape::json, &Api::web},
        {Method::post, "/v1/web/session", Shape::json, &Api::web_session, Needs::node,
         Access::anybody},
        {Method::get, "/v1/events", Shape::server_sent, &Api::events},
        {Method::get, "/v1/files", Shape::events, &Api::files, Needs::storage},
        {Method::post, "/v1/remove", Shape::json, &Api::remove, Needs::storage},
        {Method::post, "/v1/pin", Shape::json, &Api::pin, Needs::storage},
        {Method::post, "/v1/unpin", Shape::json, &Api::unpin, Needs::storage},
        {Method::post, "/v1/gc", Shape::json, &Api::collect, Needs::storage},
        {Method::post, "/v1/stored", Shape::json, &Api::stored, Needs::storage},
        {Method::post, "/v1/verify", Shape::events, &Api::verify, Needs::storage},
    };
    for (const Route& route : routes) {
        auto handler = [this, answer = route.answer, needs = route.needs](Call& call) {
            return needs == Needs::storage ? with_storage(answer, call) : (this->*answer)(call);
        };
        server.on(route.method, route.path, route.shape, handler, route.access);
    }
    for (const WebAsset& page : web_assets()) server.on_page(page);
    server.on_bytes("/v1/upload", [this](Call& call) { return with_storage(&Api::upload, call); });
}

// `believed`: for how long it is not asked again.
Task<Result<void>> Api::ask_storage(Clock::Span believed) {
    Clock& clock = parts_.runtime.clock;
    if (storage_answered_ && clock.now() - *storage_answered_ < believed) co_return ok;
    auto look = [root = parts_.store.root()]() -> Result<bool> {
        struct statvfs space;  // whoever works on it finds out what else is wrong
        return ::statvfs(root.c_str(), &space) == 0;
    };
    // Apart from what else lies beside the storage.
    auto answered = co_await parts_.foreign.call(parts_.store.root() / ".", look);
    if (!answered) co_return answered.error();
    storage_answered_ = clock.now();
    co_return ok;
}

// What needs the storage would wait without a word while that is on a file system that does not
// answer, and take a thread of the pool with it.
Task<Result<void>> Api::reach_storage(Call& call) {
    constexpr std::chrono::milliseconds believed{5};  // many small loads ask once in a while
    auto answered = co_await ask_storage(believed);
    if (!answered && answered.error() == Errc::timed_out)
        call.explain("the storage " + parts_.store.root().string() + " does not answer");
    co_return answered;
}

// Says of a storage that stops answering that it does, for as long as the work of `call` waits.
Task<> Api::watch_storage(Call& call) {
    constexpr std::chrono::seconds between_looks{5};
    for (bool silent = false;;) {
        auto slept = co_await parts_.runtime.clock.sleep_for(between_looks);
        if (!slept) co_return;
        auto answered = co_await ask_storage(between_looks / 2);
        const bool is_silent = !answered && answered.error() == Errc::timed_out;
        if (std::exchange(silent, is_silent) == is_silent) continue;
        call.try_remark("the storage " + parts_.store.root().string() +
                        (is_silent ? " does not answer yet" : " answers again"));
    }
}

Api::Answer Api::with_storage(Answer (Api::*answer)(Call&), Call& call) {
    auto reached = co_await reach_storage(call);
    if (!reached) co_return reached.error();
    if (!call.takes_remarks()) co_return co_await (this->*answer)(call);
    Result<std::string> outcome = Errc::canceled;
    auto work = [&](Tasks& all) -> Task<> {
        all.spawn(watch_storage(call));
        outcome = co_await (this->*answer)(call);
        all.cancel();
    };
    auto worked = co_await with_tasks(work);
    if (!worked && !outcome) co_return worked.error();
    co_return outcome;
}

Api::Answer Api::status(Call&) { co_return co_await parts_.status(); }

Api::Answer Api::stop(Call&) {
    parts_.stop();
    co_return std::string("{}");
}

std::string Api::channels_json() const {
    JsonWriter json;
    json.begin_object().key("channels").begin_array();
    for (const ChannelName& name : parts_.channels()) json.value(name.text());
    return json.end_array().end_object().take();
}

Api::Answer Api::channels(Call&) { co_return channels_json(); }

Api::Answer Api::join(Call& call) {
    auto name = channel_of(call);
    if (!name) co_return name.error();
    auto joined = co_await parts_.join(*name);
    if (!joined) {
        explain_forgetting(call, joined.error());
        co_return joined.error();
    }
    co_return channels_json();
}

Api::Answer Api::leave(Call& call) {
    auto name = channel_of(call);
    if (!name) co_return name.error();
    auto left = co_await parts_.leave(*name);
    if (!left) {
        if (left.error() == Errc::usage)
            call.explain("this node is not in the channel " + name->text());
        explain_forgetting(call, left.error());
        co_return left.error();
    }
    co_return channels_json();
}

// What the client is told, the log has as well.
std::error_code Api::failed(const Asked& asked, std::error_code error, const Diagnosis& diagnosis) {
    asked.call.explain(diagnosis);
    log_failure(asked.what, asked.uri.sha1, error, diagnosis);
    return error;
}

void Api::log_failure(const char* what, const Sha1& file, std::error_code error,
                      const Diagnosis& diagnosis) {
    if (error == Errc::canceled || error == asio::error::operation_aborted) return;
    std::string line =
        std::string(what) + " of " + file.hex() + " failed [" + std::string(code_name(error)) + "]";
    if (!diagnosis.about().empty()) line += "; " + diagnosis.about();
    for (const Finding& finding : diagnosis.all()) line += "; " + log_text_of(finding);
    parts_.runtime.log("api", line);
}

Api::Answer Api::find(Call& call) {
    auto uri = call.uri();
    if (!uri) co_return uri.error();
    Diagnosis diagnosis;
    const std::function<void(const FoundProvider&)> tell = [&](const FoundProvider& provider) {
        JsonWriter json = event("provider");
        json.field("node", provider.node.hex()).field("label", parts_.label_of(provider.node));
        json.field("size", provider.size_bytes);
        json.field("complete", provider.completeness == Completeness::complete);
        call.try_send(end(json));
    };
    auto count = co_await parts_.share.find(*uri, tell, diagnosis);
    if (!count) co_return failed({call, *uri, "find"}, count.error(), diagnosis);
    JsonWriter json = event("result");
    json.field("providers", *count);
    co_return end(json);
}

Api::Answer Api::list(Call& call) {
    auto uri = call.uri();
    if (!uri) co_return uri.error();
    Diagnosis diagnosis;
    auto entries = co_await parts_.share.list(*uri, diagnosis);
    if (!entries) co_return failed({call, *uri, "ls"}, entries.error(), diagnosis);
    auto remarked = co_await send_remarks(call, diagnosis.remarks());
    if (!remarked) co_return remarked.error();
    for (const DirEntry& entry : *entries) {
        const bool is_file = entry.kind == DirEntry::Kind::file;
        JsonWriter json = event("entry");
        json.field("name", entry.name).field("type", is_file ? "file" : "directory");
        if (is_file) json.field("size", entry.size_bytes).field("sha1", entry.sha1.hex());
        auto sent = co_await call.send(end(json));
        if (!sent) co_return sent.error();
    }
    JsonWriter json = event("result");
    json.field("entries", entries->size());
    co_return end(json);
}

Api::Answer Api::put(Call& call) {
    auto text = call.text("path");
    if (!text) co_return text.error();
    auto path = absolute(call, *text);
    if (!path) co_return path.error();
    auto link = call.truth("link");
    if (!link) co_return link.error();
    auto bare = call.truth("bare");
    if (!bare) co_return bare.error();
    auto seen = seen_by(call);
    if (!seen) co_return seen.error();
    auto options = options_of(call);
    if (!options) co_return options.error();
    if (*link) options->content = PutOptions::Content::link;
    if (*bare) options->manifest = PutOptions::Manifest::never;
    auto reached = co_await reach(parts_, call, *path, *seen);
    if (!reached) co_return reached.error();
    Stored stored = co_await put_off_loop(parts_, *path, *std::move(options));
    auto remarked = co_await send_remarks(call, stored.remarks);
    if (!remarked) co_return remarked.error();
    if (!stored.uri) {
        const auto error = stored.uri.error();
        call.explain(is_storage_error(error) ? storage_trouble()
                                             : stored.culprit.string() + ": " + error.message());
        co_return stored.uri.error();
    }
    co_await keep_limit(stored.bytes);
    JsonWriter json = event("result");
    json.field("uri", stored.uri->text());
    co_return end(json);
}

}  // namespace kp2p
