#include "node/share/fetch/provided_file.hpp"

#include "node/async/timeout.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;

constexpr auto open_span = 20s;  // without a word about the file
// For a turn where many share the rate that a provider may give at. One that gives nothing holds a
// load that has no other no longer than this and a stall.
constexpr Clock::Span max_turn_span = 45s;

}  // namespace

ProvidedFile::ProvidedFile(Providers& providers, Neighbour& neighbour, RemoteFile::First first)
    : providers_(providers),
      node_(neighbour.node()),
      path_(tried_path_of(neighbour.connection()->path())),
      file_(neighbour.transfer(), providers.file_, first),
      began_(providers.parts_.share.runtime.clock.now()),
      heard_(providers.parts_.share.runtime.clock.now()) {
    providers_.used_.push_back(this);
    if (!file_.is_open()) return;
    std::optional<Clock::Time>& asked = providers_.claims_[node_].asked;
    if (!asked) asked = heard_;
    last_ = *asked + providers_.preparing_span(node_);
}

ProvidedFile::~ProvidedFile() { std::erase(providers_.used_, this); }

Task<Result<TransferEvent>> ProvidedFile::next() {
    while (!ended_) {
        Result<TransferEvent> event;
        if (opened_)
            event = co_await file_.next();
        else
            event = co_await next_before_open();
        if (ended_) break;  // meanwhile
        if (!event && event.error() == asio::error::operation_aborted) {
            end(Ended::closed);
        } else if (!event) {
            end(event.error() == Errc::closed ? Ended::lost : Ended::garbled);
        } else if (take(*event)) {
            co_return event;
        }
    }
    co_return Errc::closed;
}

Task<Result<TransferEvent>> ProvidedFile::next_before_open() {
    Clock& clock = providers_.parts_.share.runtime.clock;
    for (;;) {
        const auto until = std::min(heard_ + open_span, preparing_ ? last_ : Clock::Time::max());
        const auto now = clock.now();
        if (now >= until) {
            providers_.stalled(finding_of(Finding::Code::not_opened, began_));
            end(until == last_ ? Ended::closed : Ended::stalled);
            co_return Errc::timed_out;
        }
        auto event = co_await with_timeout(clock, until - now, file_.next());
        if (event || event.error() != Errc::timed_out) co_return event;
    }
}

// Whether it is for the owner.
bool ProvidedFile::take(const TransferEvent& event) {
    if (std::holds_alternative<proto::Preparing>(event.message)) {
        heard_ = providers_.parts_.share.runtime.clock.now();
        preparing_ = true;
        if (opened_ && heard_ - std::max(began_, file_.gave_at()) < max_turn_span)
            waits_at_ = heard_;
        return false;
    }
    if (const auto* refused_ = std::get_if<proto::Refused>(&event.message)) {
        refused(refused_->code);
        return false;
    }
    if (!std::holds_alternative<proto::Opened>(event.message)) return true;
    if (std::exchange(opened_, true)) {
        end(Ended::garbled);
        return false;
    }
    providers_.opened(node_);
    return true;
}

void ProvidedFile::refused(proto::RefusalCode code) {
    end(code == proto::RefusalCode::limit ? Ended::busy : Ended::closed);
    const bool lacks = code == proto::RefusalCode::not_found;
    const auto why = lacks ? Finding::Code::lacks : Finding::Code::cannot_give;
    if (lacks && providers_.guessed_.contains(node_)) {
        providers_.parts_.recent.lacked(node_);
        providers_.search();
        return;
    }
    if (code != proto::RefusalCode::limit) providers_.trouble(node_, {finding_of(why, began_)});
}

Finding ProvidedFile::finding_of(Finding::Code code, Clock::Time since) const {
    const Clock& clock = providers_.parts_.share.runtime.clock;
    return {.code = code, .node = node_, .after = milliseconds_since(clock, since), .path = path_};
}

void ProvidedFile::end(Ended how) {
    if (!ended_) ended_ = outdone_ && Providers::comes_back(how) ? Ended::outdone : how;
    file_.close();
}

void ProvidedFile::stall() {
    providers_.stalled(
        finding_of(Finding::Code::stopped_sending, std::max(began_, file_.gave_at())));
    end(Ended::stalled);
}

}  // namespace kp2p
