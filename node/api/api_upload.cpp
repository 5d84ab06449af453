// A file comes in as bytes, and not as a path that the daemon may see otherwise, or not at all.
#include "node/api/api.hpp"
#include "node/async/offload.hpp"
#include "node/async/offload_long.hpp"
#include "node/store/put/upload.hpp"
#include "node/store/store.hpp"
#include "proto/json.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

// What is hashed and written at a time: about a millisecond's work.
constexpr std::size_t upload_block_bytes = 256 << 10;

// Closing and removing a large file takes its time, so it goes on the pool.
class Uploading {
  public:
    Uploading(Pool& pool, std::shared_ptr<Upload> upload)
        : pool_(pool), upload_(std::move(upload)) {}
    Uploading(const Uploading&) = delete;
    ~Uploading() {
        pool_.post([gone = std::move(upload_)] {});
    }
    Upload& operator*() const { return *upload_; }

  private:
    Pool& pool_;
    std::shared_ptr<Upload> upload_;
};

Task<Result<void>> take_bytes(Call& call, Upload& upload, Pool& pool) {
    bool ended = false;
    while (!ended) {
        std::string block;
        while (block.size() < upload_block_bytes && !ended) {
            auto bytes = co_await call.next_bytes();
            if (!bytes) co_return bytes.error();
            ended = bytes->empty();
            block += *bytes;
        }
        auto work = [&upload, &block] { return upload.add(as_bytes(block)); };
        auto added = co_await offload(pool, work);
        if (!added) co_return added.error();
    }
    co_return ok;
}

std::error_code storage_failure(Call& call, std::error_code error) {
    const bool stored = error == Errc::storage_unavailable || error == Errc::out_of_space;
    if (stored && !storage_trouble().empty()) call.explain(storage_trouble());
    return error;
}

// The name must come out of the URI as it went in.
bool is_name(const std::string& name) {
    proto::Uri uri;
    uri.path = name;
    const auto parsed = proto::Uri::parse(uri.text());
    return !name.empty() && parsed && parsed->path == name;
}

}  // namespace

Api::Answer Api::upload(Call& call) {
    auto name = call.parameter("name");
    if (!name) co_return name.error();
    auto bare = call.parameter("bare");
    if (!bare) co_return bare.error();
    if (!*name || !is_name(**name)) {
        call.explain("\"name\" must be the name of a file");
        co_return Errc::usage;
    }
    const bool small = call.length_bytes().value_or(~0ull) <= proto::manifest_threshold_bytes;
    const bool never = small || bare->value_or("0") == "1";
    const auto manifest = never ? PutOptions::Manifest::never : PutOptions::Manifest::if_large;
    const std::uint64_t expected_bytes = call.length_bytes().value_or(0);
    auto open = [&store = parts_.store, manifest, expected_bytes] {
        return store.begin_upload(manifest, expected_bytes);
    };
    auto opened = co_await offload(parts_.runtime.pool, open);
    if (!opened) co_return storage_failure(call, opened.error());
    const Uploading upload(parts_.runtime.pool, *std::move(opened));
    auto taken = co_await take_bytes(call, *upload, parts_.runtime.pool);
    if (!taken) co_return storage_failure(call, taken.error());
    auto finish = [&upload](const std::stop_token&) { return (*upload).finish(); };
    auto put = co_await offload_long(parts_.long_threads, finish);
    if (!put) co_return storage_failure(call, put.error());
    proto::Uri uri;
    uri.sha1 = put->sha1;
    uri.path = **name;
    uri.manifest = put->manifest;
    auto note = [&store = parts_.store, uri] {
        store.note_arrival(uri, Record::Kind::stored);
        return ok;
    };
    (void)co_await offload(parts_.runtime.pool, note);
    co_await keep_limit(put->size_bytes);
    proto::JsonWriter json;
    json.begin_object().field("uri", uri.text()).field("sha1", put->sha1.hex());
    co_return json.field("size", put->size_bytes).end_object().take();
}

}  // namespace kp2p
