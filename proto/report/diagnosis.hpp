// Diagnosis: why something failed, as findings with the nearest cause first, of a directory with
// which of its files it is about, and remarks on what succeeded although something was left out;
// each remark once, at most max_remarks.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "proto/report/finding.hpp"

namespace kp2p {

class Diagnosis : public Findings {
  public:
    static constexpr std::size_t max_remarks = 32;

    void remark(std::string sentence) {
        if (remarks_.size() >= max_remarks) return;
        if (std::find(remarks_.begin(), remarks_.end(), sentence) == remarks_.end())
            remarks_.push_back(std::move(sentence));
    }
    const std::vector<std::string>& remarks() const { return remarks_; }
    // A path in a directory, and the file's SHA-1.
    void is_about(const std::string& path, const Sha1& file) {
        about_ = path + " (sha1://" + file.hex() + ')';
    }
    const std::string& about() const { return about_; }  // empty: what was asked for

  private:
    std::string about_;
    std::vector<std::string> remarks_;
};

}  // namespace kp2p
