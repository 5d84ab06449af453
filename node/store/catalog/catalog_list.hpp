// CatalogList: what a storage holds, the latest first, in some forty bytes for what has no record.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "node/store/catalog/records.hpp"
#include "proto/file/uri.hpp"

namespace kp2p {

struct CatalogEntry {
    proto::Uri uri;
    Record::Kind kind = Record::Kind::stored;
    bool pinned = false;
    std::uint64_t size_bytes = 0;  // of a directory: of all files in it
    std::int64_t time_s = 0;       // when it came, since 1970
};

class CatalogList {
  public:
    void add(CatalogEntry entry);
    void sort();  // after the last add()

    std::size_t size() const { return rows_.size(); }
    CatalogEntry operator[](std::size_t i) const;
    // Leaves only what `is_wanted`.
    void keep_if(const std::function<bool(const CatalogEntry&)>& is_wanted);

  private:
    static constexpr std::uint32_t nameless = ~std::uint32_t{0};
    struct Row {
        std::int64_t time_s;
        std::uint64_t size_bytes;
        Sha1 sha1;
        std::uint32_t named;  // in named_, if it has a name
        Record::Kind kind;
        bool pinned;
    };
    std::vector<Row> rows_;
    std::vector<proto::Uri> named_;
};

}  // namespace kp2p
