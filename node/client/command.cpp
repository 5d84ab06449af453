#include "node/client/command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <iostream>

#include "node/client/daemon.hpp"
#include "node/client/hang_watch.hpp"
#include "node/client/old_flags.hpp"
#include "node/client/shell_word.hpp"
#include "node/client/starter.hpp"
#include "node/client/uncaught.hpp"
#include "node/settings/values.hpp"
#include "proto/json.hpp"

namespace kp2p::client {
namespace {

// With no callbacks, request_stop() only sets a flag.
std::stop_source interrupted;
volatile std::sig_atomic_t taken_signal = 0;
void interrupt(int signal) {
    taken_signal = signal;
    interrupted.request_stop();
}

// As the parser takes them. A shell puts no home for the ~ of --dest=~/name.
std::vector<std::string> from_last_to_first(int argc, char** argv) {
    std::vector<std::string> arguments;
    for (int i = argc - 1; i > 0; --i) {
        std::string argument = argv[i];
        const auto value = argument.find('=') + 1;
        if (argument.starts_with("--") && value > 0)
            argument.replace(value, argument.npos,
                             with_home(std::string_view(argument).substr(value)));
        arguments.push_back(std::move(argument));
    }
    return arguments;
}

// In the direction in which nobody uses them, so that whoever does learns of it (EBADF).
void fill_standard_descriptors() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        const int way = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
        int filler = ::open("/dev/null", way);
        if (filler < 0) filler = ::open("/", O_RDONLY | O_DIRECTORY);
        if (filler != fd)
            std::abort();  // the lowest is taken: only one that is not there is another
    }
}

// The first of the arguments that nobody expected which looks like an option, without its value.
std::string unknown_option(const CLI::App& app) {
    for (const std::string& text : app.remaining())
        if (text.size() > 1 && text[0] == '-' && text != "--")
            return text.substr(0, text.find('='));
    return {};
}

// A name of a file may have marks in it that a terminal obeys.
std::string shown(std::string_view words) {
    std::string text(words);
    for (char& c : text)
        if ((c >= 0 && c < ' ' && c != '\n' && c != '\t') || c == '\x7f') c = '?';
    return text;
}

// "PATH: No such file" for the system's errors, as everywhere; "no space is left: PATH" for ours.
// That nobody provides something, or sent right bytes, is for those who were asked, which findings
// tell of: of what is here, the detail says all.
std::string sentence(std::error_code error, const std::string& detail, bool has_findings) {
    const std::string words = error.message();
    if (detail.empty()) return words;
    if (detail.find(words) != std::string::npos) return detail;
    if (error == Errc::failed) return detail;
    const bool of_others = error == Errc::not_found || error == Errc::verification_failed;
    if (of_others && !has_findings) return detail;
    const bool ours = error.category() == make_error_code(Errc::failed).category();
    return ours ? words + ": " + detail : detail + ": " + words;
}

}  // namespace

struct Command::Parser {
    Parser(const std::string& purpose, const std::string& name) : app(purpose, name) {}
    CLI::App app;
    std::string name;
    Needs needs = Needs::nothing;
    Flags flags;
    bool json = false;
    bool quiet = false;
    bool can_start = false, start = false;
    std::deque<bool> switches;
    std::string without_effect;  // the old flags that were given, with commas

    void take(const OldFlag& flag) {
        const std::string name(flag.name);
        const auto note = [this, last = name.substr(name.find(',') + 1)] {
            without_effect += (without_effect.empty() ? "" : ", ") + last;
        };
        CLI::Option* option =
            flag.has_value
                ? app.add_option(name, [note](const CLI::results_t&) { return note(), true; })
                : app.add_flag_function(name, [note](std::int64_t) { note(); });
        if (flag.has_value)
            option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
        option->group("");  // --help does not have it
    }
};

Command::Command(std::string name, std::string purpose, Needs needs)
    : parser_(std::make_unique<Parser>(purpose, name)) {
    fill_standard_descriptors();
    parser_->name = name;
    parser_->needs = needs;
    CLI::App& app = parser_->app;
    app.set_version_flag("--version", name + " " KP2P_VERSION);
    app.add_flag("--json", parser_->json, "write one JSON object per line");
    app.add_flag("-q,--quiet", parser_->quiet, "say nothing but data and errors");
    for (const Setting& setting : setting_table())
        if (setting.is_for(needs)) declare(setting);
    for (const OldFlag& flag : old_flags(name)) parser_->take(flag);
    app.get_formatter()->column_width(28);
    say_what_nobody_catches(parser_->name);
}

// Last of all, when what the body made is gone.
Command::~Command() {
    if (stopped_) end_by(taken_signal);
}

void Command::declare(Declared declared, Store store) {
    const auto callback = [store = std::move(store), name = declared.name,
                           value = declared.value](const CLI::results_t& texts) {
        for (const std::string& text : texts) {
            if (text.empty()) throw CLI::ValidationError(name, "it is empty");  // as "$1" may be
            std::string complaint;
            const auto stored = store(text, complaint);
            if (stored) continue;
            if (complaint.empty())
                complaint = value.empty() ? stored.error().message() : "not " + value;
            throw CLI::ValidationError(name, text + ": " + complaint);
        }
        return true;
    };
    CLI::Option* option = parser_->app.add_option(declared.name, callback, declared.help);
    option->type_name(declared.value.empty() ? "" : declared.value);
    if (declared.count == Count::one || declared.count == Count::at_least_one) option->required();
    if (declared.count == Count::at_least_one)
        option->expected(1, CLI::detail::expected_max_vector_size)->allow_extra_args();
    if (declared.count == Count::any_number)
        option->expected(0, CLI::detail::expected_max_vector_size)->allow_extra_args();
    if (declared.count == Count::any)
        option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void Command::declare(const Setting& setting) {
    const std::string flag(setting.flag);
    const auto give = [&flags = parser_->flags, flag](const CLI::results_t& texts) {
        flags[flag] = texts;
        return true;
    };
    if (setting.shape == Setting::Shape::toggle) {
        const auto turn_on = [give](std::int64_t) { give({"true"}); };
        parser_->app.add_flag_function(flag, turn_on, setting.full_help());
        return;
    }
    CLI::Option* option = parser_->app.add_option(flag, give, setting.full_help());
    option->type_name(std::string(setting.value));
    if (setting.shape == Setting::Shape::list)
        option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

const bool& Command::flag(std::string name, std::string help) {
    bool& value = parser_->switches.emplace_back(false);
    parser_->app.add_flag(name, value, help);
    return value;
}

void Command::may_start_daemon() {
    parser_->can_start = true;
    parser_->app.add_flag("--start-daemon", parser_->start,
                          "start a daemon in the background where none runs");
}

const Config& Command::config() const { return *config_; }
Result<std::filesystem::path> Command::storage_dir() {
    auto dir = config_->storage_dir();
    if (dir) {
        if (auto there = config_->check_mount(detail_); !there) return there.error();
        return dir;
    }
    const std::filesystem::path& path = config_->storage_path();
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (path.empty())
        detail_ = "HOME is not set, and neither is KACHERY_STORAGE_DIR";
    else if (status.type() != std::filesystem::file_type::not_found)
        detail_ = path.string() + ": " + (error ? error.message() : "it is no directory");
    else if (!config_->is_storage_usual())
        detail_ = path.string() + " is not there; mount it, or make it with mkdir";
    else if (!std::filesystem::create_directory(path, error))  // as was tried before
        detail_ = path.string() + " cannot be made: " + error.message() +
                  "; KACHERY_STORAGE_DIR names another place";
    return dir;
}
void Command::stop_on_signals() {
    struct sigaction action {};
    action.sa_handler = interrupt;  // without SA_RESTART, so that what waits for a FIFO ends too
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction before {};
        const bool ignored =  // nohup
            ::sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN;
        if (!ignored) ::sigaction(signal, &action, nullptr);
    }
    watch_hangs(parser_->name, interrupted, &taken_signal);
}

std::stop_token Command::stop() const { return interrupted.get_token(); }
bool Command::json() const { return parser_->json; }
bool Command::quiet() const { return parser_->quiet; }

std::optional<int> Command::parse_arguments(int argc, char** argv) {
    // A write to a closed pipe, or past the limit of a file's size, is an error like any other.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    try {
        parser_->app.parse(from_last_to_first(argc, argv));
    } catch (const CLI::Success& help_or_version) {
        const int status = parser_->app.exit(help_or_version);
        if (std::cout.flush()) return status;
        if (errno == EPIPE) return report(reader_gone());
        return report(failure({errno, std::generic_category()}, "writing to standard output"));
    } catch (const CLI::ParseError& error) {
        parser_->json = std::count(argv, argv + argc, std::string_view("--json")) > 0;
        const std::string unknown = unknown_option(parser_->app);
        return report(failure(
            Errc::usage, unknown.empty() ? error.what() : unknown + " is no option; see --help"));
    }
    std::string why;
    if (parser_->needs != Needs::nothing)
        watch_hangs(parser_->name, std::stop_source(std::nostopstate));
    auto config = Config::resolve(parser_->needs, parser_->flags, process_environment, why);
    if (!config) return report(failure(config.error(), why));
    config_ = *std::move(config);
    if (!parser_->without_effect.empty())
        say(parser_->name + ": without effect: " + parser_->without_effect);
    return std::nullopt;
}

int Command::run(int argc, char** argv, const std::function<Result<void>()>& body) {
    if (const auto ended = parse_arguments(argc, argv)) return *ended;
    return report(body());
}

int Command::run(int argc, char** argv, const std::function<Result<void>(Daemon&)>& body) {
    if (const auto ended = parse_arguments(argc, argv)) return *ended;
    Daemon daemon(*config_, stop(), stand_in_);
    daemon.on_silence([this](const std::string& words) { say(parser_->name + ": " + words); });
    if (!json()) daemon.on_remark([this](const std::string& words) { say(words); });
    if (parser_->start) {
        const Starter starter(config_->dir(), parser_->flags);
        daemon.start_with(starter, [this, log = starter.log_path()] {
            say("started a daemon, which logs to " + log.string() + "; kp2p-stop-daemon ends it");
        });
    }
    const auto outcome = body(daemon);
    if (!outcome) {
        take_words(daemon);
        if (outcome.error() == Errc::no_daemon && parser_->can_start && !parser_->start)
            advice_ = "--start-daemon starts one in the background";
    }
    return report(outcome);
}

void Command::take_words(const Daemon& daemon) {
    if (!detail_.empty()) return;
    detail_ = daemon.message();
    findings_ = daemon.findings();
    advice_ = daemon.advice();
    about_ = daemon.about();
}

void Command::complain(std::error_code error, const Daemon& daemon, const std::string& uri) {
    take_words(daemon);
    uri_ = uri;
    complain(error);
    uri_.clear();
}

void Command::complain(std::error_code error) {
    tell(error);
    detail_.clear();
    findings_.clear();
    advice_.clear();
    about_.clear();
    complained_ = true;
}

int Command::report(const Result<void>& outcome) {
    if (outcome) return 0;
    if (!complained_) tell(outcome.error());
    stopped_ = taken_signal != 0;
    return exit_status(outcome.error());
}

void Command::tell(std::error_code error) {
    if (reader_gone_) return;
    if (before_output_) before_output_();
    std::string words = sentence(error, detail_, !findings_.empty());
    if (!about_.empty()) words = about_ + ": " + words;
    bool told = false;
    if (json()) {
        proto::JsonWriter writer;
        writer.begin_object().field("event", "error").field("code", code_name(error));
        writer.field("message", words);
        if (!uri_.empty()) writer.field("uri", uri_);
        if (!findings_.empty()) writer.key("findings").raw(findings_);
        writer.end_object();
        const bool has_reader = bool(print_json(writer.text()));
        told = has_reader || reader_gone_;
    }
    if (!told) {
        if (!uri_.empty()) words = uri_ + ": " + words;
        std::fprintf(stderr, "%s: %s\n", parser_->name.c_str(), shown(words).c_str());
        if (!advice_.empty()) say(parser_->name + ": what to do: " + advice_);
    }
}

Result<void> Command::print(std::string_view line) {
    return write(STDOUT_FILENO, as_bytes(std::string(line) + '\n'));
}

Result<void> Command::print_uri(std::string_view uri) { return print(shown_uri(uri)); }

std::string Command::shown_uri(std::string_view uri) const {
    return ::isatty(STDOUT_FILENO) == 1 ? shell_word(uri) : std::string(uri);
}

Result<void> Command::print_json(std::string_view line) {
    if (line.ends_with('\n')) line.remove_suffix(1);
    return write(json_descriptor_, as_bytes(std::string(line) + '\n'));
}

Result<void> Command::print_bytes(ByteView bytes) { return write(STDOUT_FILENO, bytes); }

Result<void> Command::write(int descriptor, ByteView bytes) {
    const bool shows = before_output_ && ::isatty(descriptor) == 1;
    if (shows) before_output_();
    while (!bytes.empty()) {
        const ssize_t n = ::write(descriptor, bytes.data(), bytes.size());
        if (n >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(n));
            continue;
        }
        const int number = errno;
        if (stop().stop_requested()) return Errc::canceled;
        pollfd one{descriptor, POLLOUT, 0};  // another has made it one that does not wait
        if (number == EAGAIN) ::poll(&one, 1, -1);
        if (number == EAGAIN || number == EINTR) continue;
        if (number == EPIPE) return reader_gone();
        return failure({number, std::generic_category()}, "writing to standard output");
    }
    return ok;
}

void Command::say(std::string_view line) {
    if (quiet()) return;
    if (before_output_) before_output_();
    std::fprintf(stderr, "%s\n", shown(line).c_str());
}

std::error_code Command::reader_gone() {
    reader_gone_ = true;
    return Errc::canceled;
}

std::error_code Command::failure(std::error_code error, std::string detail) {
    detail_ = std::move(detail);
    return error;
}

}  // namespace kp2p::client
