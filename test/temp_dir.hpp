// test::TempDir: a fresh directory that is gone, with all it holds, when the test ends. In memory
// it is for tests that write much and are not about disks: there no sync waits for one.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace kp2p::test {

class TempDir {
  public:
    enum class Medium { disk, memory };
    explicit TempDir(Medium medium = Medium::disk) {
        std::string name = (place(medium) / "kp2p-test-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary directory");
        path_ = name;
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::filesystem::path& path() const { return path_; }

  private:
    static std::filesystem::path place(Medium medium) {
        constexpr std::uintmax_t enough_bytes = std::uintmax_t{1} << 30;
        const std::filesystem::path memory = "/dev/shm";
        std::error_code none;
        const auto space = std::filesystem::space(memory, none);
        const bool fits = !none && space.available >= enough_bytes;
        if (medium == Medium::memory && fits && ::access(memory.c_str(), W_OK) == 0) return memory;
        return std::filesystem::temp_directory_path();
    }

    std::filesystem::path path_;
};

}  // namespace kp2p::test
