// The scrub: all that is in the storage is read and hashed, a little at a time with a pause as long
// after each, so that it takes no more than half a core and whatever else the node does goes first.
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "node/api/api.hpp"
#include "node/async/foreign_calls.hpp"
#include "node/async/offload.hpp"
#include "node/async/offload_long.hpp"
#include "node/share/share.hpp"
#include "node/store/store.hpp"
#include "proto/json.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using proto::JsonWriter;

constexpr std::chrono::seconds told_span{1};  // between two events that say how far it is

proto::Uri file_uri(const Sha1& sha1) {
    proto::Uri uri;
    uri.sha1 = sha1;
    return uri;
}

class Scrub {
  public:
    Scrub(ApiParts& parts, Call& call, bool repair)
        : parts_(parts), call_(call), repair_(repair), told_(parts.runtime.clock.now()) {}

    Task<Result<void>> check(Sha1 sha1, std::uint64_t size_bytes);
    enum class Again { fetch, never };  // what is linked is its owner's
    Task<Result<void>> damaged(Sha1 sha1, std::string words, Again again = Again::fetch);
    void leave_out(std::string unread) { unread_ = std::move(unread); }
    void pass_over(const Catalog::Lost& lost) {
        removed_ = lost.removed;
        absent_ = lost.absent;
    }
    void expect(std::uint64_t bytes) { all_bytes_ += bytes; }
    Task<Result<void>> missing(Sha1 sha1, std::string words);
    std::string result() const {
        JsonWriter json;
        json.begin_object().field("event", "result").field("files", files_);
        json.field("bytes", done_bytes_).field("damaged", damaged_);
        json.field("repaired", repaired_).field("missing", missing_).field("away", away_);
        json.field("removed", removed_).field("absent", absent_);
        if (!unread_.empty()) json.field("unread", unread_);
        return json.end_object().take();
    }

  private:
    using ChunksRef = std::shared_ptr<WholeChunks>;

    // On the pool, or aside if what is linked may hang.
    template <class F>
    Task<std::invoke_result_t<F&>> run(F fn) {
        if (elsewhere_) co_return co_await parts_.foreign.call(*elsewhere_, std::move(fn));
        co_return co_await offload(parts_.runtime.pool, std::move(fn));
    }
    struct Opened {
        ChunksRef chunks;
        std::string why;    // what is linked and was right is none any more
        bool away = false;  // nobody can say what it is: it, or its disk, is not there
        std::string fault;  // of what lies in its place, and is no such file
        std::string unread;
    };
    Task<Result<void>> say(const char* event, const Sha1& sha1, std::string words);
    Task<proto::Uri> uri_of(Sha1 sha1);

    static void find_fault(const Store& store, const Sha1& sha1, Opened& opened);
    Task<Result<Opened>> open(Sha1 sha1);
    Task<Result<void>> hash(ChunksRef chunks);
    void tell();

    ApiParts& parts_;
    Call& call_;
    bool repair_;
    Clock::Time told_;
    std::optional<std::filesystem::path> elsewhere_;
    std::uint64_t files_ = 0, done_bytes_ = 0, all_bytes_ = 0, damaged_ = 0, repaired_ = 0,
                  missing_ = 0, away_ = 0, removed_ = 0, absent_ = 0;
    std::string unread_;
    std::optional<std::map<Sha1, proto::Uri>> names_;  // once one is asked for
};

// As people know it.
Task<proto::Uri> Scrub::uri_of(Sha1 sha1) {
    if (!names_) {
        auto read = [catalog = parts_.store.catalog()](const std::stop_token&) {
            return catalog.names();
        };
        names_ = co_await offload_long(parts_.long_threads, read);
    }
    const auto found = names_->find(sha1);
    co_return found == names_->end() ? file_uri(sha1) : found->second;
}

Task<Result<void>> Scrub::say(const char* event, const Sha1& sha1, std::string words) {
    const proto::Uri uri = co_await uri_of(sha1);
    JsonWriter json;
    json.begin_object().field("event", event).field("uri", uri.text());
    if (!words.empty()) json.field("message", words);
    co_return co_await call_.send(json.end_object().take());
}

void Scrub::tell() {
    if (parts_.runtime.clock.now() - told_ < told_span) return;
    told_ = parts_.runtime.clock.now();
    JsonWriter json;
    json.begin_object().field("event", "progress").field("verified_bytes", done_bytes_);
    call_.try_send(json.field("size_bytes", all_bytes_).end_object().take());
}

// What is in the place of a file that is none. Nothing where it is gone by now.
void Scrub::find_fault(const Store& store, const Sha1& sha1, Opened& opened) {
    const std::filesystem::path place = store.place_of(sha1);
    struct stat status;
    if (disk().link_status(place, status) != 0) return;
    opened.away = S_ISLNK(status.st_mode) && disk().status(place, status) != 0;
    if (opened.away) {
        opened.why = place.string() + " leads to what is not there";
        return;
    }
    opened.fault = store.clear_place(sha1);
    if (opened.fault.empty())
        opened.fault =
            place.string() + " is not the file that belongs there, and cannot be set aside";
}

Task<Result<Scrub::Opened>> Scrub::open(Sha1 sha1) {
    const Store* store = &parts_.store;
    auto look = [store, sha1]() -> std::optional<std::filesystem::path> {
        const Located located = store->locate(sha1);
        if (const std::filesystem::path* elsewhere = located.elsewhere()) return *elsewhere;
        return std::nullopt;
    };
    elsewhere_ = co_await offload(parts_.runtime.pool, look);
    auto open = [store, sha1, elsewhere = elsewhere_]() -> Result<Opened> {
        Opened opened;
        store->retry_unreadable(sha1);
        auto chunks = store->open_chunks(sha1, WholeChunks::Links::fresh);
        if (chunks)
            opened.chunks = std::move(*chunks);
        else if (chunks.error() == Errc::not_found)
            (void)store->find(sha1, opened.why);
        else
            opened.unread = storage_trouble();
        struct stat status;
        if (!opened.why.empty() && elsewhere)
            opened.away =
                ::stat(elsewhere->c_str(), &status) != 0 || ::access(elsewhere->c_str(), R_OK) != 0;
        if (!opened.chunks && opened.why.empty() && opened.unread.empty())
            find_fault(*store, sha1, opened);
        return opened;
    };
    co_return co_await run(open);
}

Task<Result<void>> Scrub::hash(ChunksRef chunks) {
    while (!chunks->ready()) {
        const auto began = parts_.runtime.clock.now();
        auto slice = [chunks] { return chunks->prepare(); };
        auto prepared = co_await run(std::move(slice));
        if (!prepared) co_return prepared;
        auto paused = co_await parts_.runtime.clock.sleep_for(parts_.runtime.clock.now() - began);
        if (!paused) co_return Errc::canceled;
        tell();
    }
    co_return ok;
}

Task<Result<void>> Scrub::check(Sha1 sha1, std::uint64_t size_bytes) {
    auto opened = co_await open(sha1);
    ++files_;
    done_bytes_ += size_bytes;
    if (opened && opened->away) {
        ++away_;
        co_return co_await say("away", sha1, opened->why);
    }
    if (opened && !opened->why.empty()) co_return co_await damaged(sha1, opened->why, Again::never);
    if (opened && !opened->fault.empty()) co_return co_await damaged(sha1, opened->fault);
    if (!opened && opened.error() == Errc::timed_out &&
        elsewhere_) {  // what is linked is on a dead disk
        ++away_;
        const std::string words = "the file system of " + elsewhere_->string() + " does not answer";
        co_return co_await say("away", sha1, words);
    }
    if (!opened) co_return opened.error();
    if (!opened->unread.empty()) {
        --files_;
        done_bytes_ -= size_bytes;
        if (unread_.empty()) unread_ = opened->unread;
    }
    if (!opened->chunks) co_return ok;  // it is gone by now
    const ChunksRef chunks = opened->chunks;
    auto hashed = co_await hash(chunks);
    if (!hashed && hashed.error() == Errc::canceled) co_return hashed;
    const Store* store = &parts_.store;
    const std::error_code failure = hashed ? std::error_code() : hashed.error();
    auto settle = [store, chunks, failure]() -> Result<std::string> {
        return store->settle(*chunks, failure);
    };
    auto words = co_await run(settle);
    tell();
    if (words && words->empty() && failure && failure != proto::Errc::wrong_hash && unread_.empty())
        unread_ = chunks->file().path.string() + (failure == Errc::not_found
                                                      ? " changed, or went, while it was checked"
                                                      : ": " + failure.message());
    if (!words || words->empty()) co_return ok;
    co_return co_await damaged(sha1, *words);
}

Task<Result<void>> Scrub::damaged(Sha1 sha1, std::string words, Again again) {
    ++damaged_;
    parts_.runtime.log("store", words);
    auto sent = co_await say("damaged", sha1, words);
    if (!sent || !repair_ || again == Again::never) co_return sent;
    Diagnosis diagnosis;
    auto loaded = co_await parts_.share.load(file_uri(sha1), ProgressSink(), diagnosis);
    if (!loaded && loaded.error() == Errc::canceled) co_return loaded.error();
    if (loaded) {
        ++repaired_;
        co_return co_await say("repaired", sha1, std::string());
    }
    std::string why = diagnosis.text();
    if (why.empty()) why = loaded.error().message();
    co_return co_await say("lost", sha1, std::move(why));
}

Task<Result<void>> Scrub::missing(Sha1 sha1, std::string words) {
    if (repair_) co_return co_await damaged(sha1, std::move(words));
    ++missing_;
    co_return co_await say("missing", sha1, std::move(words));
}

std::string words_of_lost(const std::filesystem::path& aside) {
    if (aside.empty()) return "it is not here any more, though kp2p-rm did not remove it";
    return "it was found wrong before, and set aside as " + aside.string();
}

}  // namespace

Api::Answer Api::verify(Call& call) {
    auto text = call.optional_text("uri");
    if (!text) co_return text.error();
    auto repair = call.truth("repair");
    if (!repair) co_return repair.error();
    std::optional<proto::Uri> uri;
    if (*text) {
        auto parsed = call.uri();
        if (!parsed) co_return parsed.error();
        uri = *std::move(parsed);
    }
    if (uri) {
        auto look = [catalog = parts_.store.catalog(), uri](const std::stop_token&) {
            return catalog.check_path(*uri);
        };
        auto has_path = co_await offload_long(parts_.long_threads, look);
        if (!has_path) {
            call.explain("there is no " + uri->path + " in the directory");
            co_return has_path.error();
        }
    }
    // Before a check sets more aside.
    auto list_lost = [catalog = parts_.store.catalog(),
                      uri](const std::stop_token&) -> Result<Catalog::Lost> {
        if (auto can = catalog.can_list(); !can) return can.error();
        return catalog.lost(uri);
    };
    const auto lost = co_await offload_long(parts_.long_threads, list_lost);
    if (!lost) {
        call.explain(storage_trouble());
        co_return lost.error();
    }
    Unread unread;
    auto list = [catalog = parts_.store.catalog(), uri, &unread](const std::stop_token& stop) {
        return catalog.contents(uri, stop, &unread);
    };
    const Contents contents = co_await offload_long(parts_.long_threads, list);
    if (uri && !contents.contains(uri->sha1) && !lost->files.contains(uri->sha1)) {
        call.explain("it is not in the storage");
        co_return Errc::not_found;
    }
    Scrub scrub(parts_, call, *repair);
    scrub.leave_out(unread.words());
    scrub.pass_over(*lost);
    for (const auto& [sha1, facts] : contents) scrub.expect(facts.size_bytes);
    for (const auto& [sha1, facts] : contents) {
        auto checked = co_await scrub.check(sha1, facts.size_bytes);
        if (!checked) co_return checked.error();
    }
    for (const auto& [sha1, aside] : lost->files) {
        auto told = co_await scrub.missing(sha1, words_of_lost(aside));
        if (!told) co_return told.error();
    }
    co_return scrub.result();
}

}  // namespace kp2p
