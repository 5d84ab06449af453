// Vigil: whether a connection still carries anything. While it is needed it is looked at several
// times a second; when nothing comes along it, the other side is to be asked for a sign of life,
// which its transport gives however busy it is, and when none comes for `patience` the connection
// is silent, until something comes after all. Policy only: no I/O.
//
// A process may have stood still itself, and not have read what has come long since: so it is not
// enough that time has passed, the answer must also be missing at several looks, one after the
// other, between which everything that has come is read.
#pragma once

#include <chrono>
#include <optional>

namespace kp2p {

class Vigil {
  public:
    using Span = std::chrono::steady_clock::duration;

    static constexpr std::chrono::milliseconds look_interval{200};
    static constexpr std::chrono::milliseconds quiet_span{300};  // then it is asked
    static constexpr std::chrono::milliseconds first_patience{800}, longest_patience{8000};
    static constexpr int min_looks = 3;
    static constexpr int looks_between = 5;  // from one question that was answered to the next

    struct Sight {
        bool needed = false;
        Span unheard{};                  // so long nothing has come
        std::optional<Span> unanswered;  // so long, though something has to be answered
        std::optional<Span> round_trip;  // as far as it is known
        Span patience = first_patience;  // beside it
    };
    enum class Verdict { well, ask, silent };  // silent: since this look
    Verdict look(const Sight& sight) {
        if (!sight.unanswered) {
            looks_ = 0;
            silent_ = false;
            const bool quiet = sight.needed && sight.unheard >= quiet_span;
            if (!quiet) rest_ = 0;
            if (!quiet || rest_-- > 0) return Verdict::well;
            rest_ = looks_between - 1;
            return Verdict::ask;
        }
        const Span limit = sight.patience + 2 * sight.round_trip.value_or(Span::zero());
        if (*sight.unanswered < look_interval) looks_ = 0;
        // However patient we are meanwhile, only what comes makes it less.
        if (*sight.unanswered < last_unanswered_) silent_ = false;
        last_unanswered_ = *sight.unanswered;
        ++looks_;
        if (!sight.needed || silent_ || looks_ < min_looks || *sight.unanswered < limit)
            return Verdict::well;
        silent_ = true;
        return Verdict::silent;
    }
    bool silent() const { return silent_; }

  private:
    int looks_ = 0;  // in a row at which an answer was missing
    int rest_ = 0;   // looks until it is asked again
    bool silent_ = false;
    Span last_unanswered_{};
};

}  // namespace kp2p
