// Api: what can be asked of a running node over HTTP: API.md, call by call. Construct it on an
// opened HttpServer before that serves; it lives as long as the server.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>

#include "node/api/http_server.hpp"
#include "node/async/clock.hpp"
#include "node/store/file.hpp"
#include "proto/file/uri.hpp"
#include "proto/lookup/channel.hpp"
#include "proto/report/diagnosis.hpp"
#include "proto/report/trial.hpp"

namespace kp2p {

class ForeignCalls;
class LongThreads;
class Share;
class Store;

struct ApiParts {
    Runtime& runtime;
    Share& share;
    Store& store;
    LongThreads& long_threads;                           // for work on whole files
    ForeignCalls& foreign;                               // for paths that clients name
    std::function<std::vector<ChannelName>()> channels;  // that are remembered
    // Join or leave, and remember it.
    std::function<Task<Result<void>>(ChannelName)> join, leave;
    std::function<Task<std::string>()> status, doctor;  // a JSON object each
    // Each way to a node, to its end; Errc::usage for this node itself.
    std::function<Task<Result<void>>(NodeId, OnTrial)> trials;
    // What a node calls itself; empty if that is not known.
    std::function<std::string(const NodeId&)> label_of;
    std::function<void()> stop;  // the node ends soon after
    // Measurements, with what came of loads, by code_name().
    using Loads = std::map<std::string, std::uint64_t>;
    std::function<Task<std::string>(const Loads&)> metrics = nullptr;
    bool open_metrics = false;                        // to whoever is at this computer
    std::function<std::string()> settings = nullptr;  // that change while it runs: a JSON object
    // Changes some, by their keys in config.json; Errc::usage with what is wrong in `complaint`.
    using Texts = std::map<std::string, std::string>;
    std::function<Task<Result<void>>(Texts texts, std::string& complaint)> set = nullptr;
};

class Api {
  public:
    Api(HttpServer& server, ApiParts parts);

  private:
    using Answer = Task<Result<std::string>>;

    Task<Result<void>> ask_storage(Clock::Span believed);
    Task<Result<void>> reach_storage(Call& call);
    Task<> watch_storage(Call& call);
    Answer with_storage(Answer (Api::*answer)(Call&), Call& call);
    Answer status(Call& call);
    Answer stop(Call& call);
    Answer health(Call& call);
    Answer metrics(Call& call);
    Answer settings(Call& call);
    Answer set(Call& call);
    Answer channels(Call& call);
    Answer join(Call& call);
    Answer leave(Call& call);
    Answer load(Call& call);
    Answer load_one(Call& call);
    Answer load_list(Call& call, std::vector<proto::Uri> uris);
    Answer find(Call& call);
    Answer cat(Call& call);
    Answer list(Call& call);
    Answer put(Call& call);
    Answer upload(Call& call);
    Answer doctor(Call& call);
    Answer trial(Call& call);
    Answer files(Call& call);
    Answer remove(Call& call);
    Answer pin(Call& call);
    Answer unpin(Call& call);
    Answer collect(Call& call);
    Answer stored(Call& call);
    Answer verify(Call& call);
    Answer transfers(Call& call);
    Answer cancel_transfer(Call& call);
    Answer web(Call& call);
    Answer web_session(Call& call);
    Answer events(Call& call);
    Task<Result<std::set<NodeId>>> providers_of(Call& call, Diagnosis& diagnosis);

    // What is done once `uri` has been loaded: a record, and for a file at `path` a name of its
    // own.
    enum class Naming { own, none };
    struct Came {
        proto::Uri uri;
        std::filesystem::path path;
        Naming naming = Naming::none;
    };
    struct Arrival {
        std::filesystem::path path;  // where it lies then
        std::optional<FileStamp> stamp;
    };
    Task<Arrival> arrived(Came came);
    Task<std::vector<Arrival>> arrived(std::vector<Came> all);
    struct ListLoad;  // files that are loaded by one call
    Task<> note_arrivals(ListLoad& all);
    Task<> keep_limit(std::uint64_t added_bytes);  // of the storage

    std::string channels_json() const;
    struct Asked {
        Call& call;
        const proto::Uri& uri;
        const char* what;
    };
    static std::error_code stopped(Call& call);
    std::error_code failed(const Asked& asked, std::error_code error, const Diagnosis& diagnosis);
    void log_failure(const char* what, const Sha1& file, std::error_code error,
                     const Diagnosis& diagnosis);

    Answer counted(Answer (Api::*load)(Call&), Call& call);
    void count_load(std::error_code error);
    Answer counted_cat(Call& call) { return counted(&Api::cat, call); }

    HttpServer& server_;
    ApiParts parts_;
    ApiParts::Loads loads_;
    std::optional<Clock::Time> storage_answered_;
};

}  // namespace kp2p
