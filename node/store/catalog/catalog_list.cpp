#include "node/store/catalog/catalog_list.hpp"

#include <algorithm>

namespace kp2p {

void CatalogList::add(CatalogEntry entry) {
    const bool has_name = entry.uri.kind == proto::Uri::Kind::directory || entry.uri.manifest ||
                          !entry.uri.own_name().empty();
    const auto named = has_name ? static_cast<std::uint32_t>(named_.size()) : nameless;
    rows_.push_back(
        {entry.time_s, entry.size_bytes, entry.uri.sha1, named, entry.kind, entry.pinned});
    if (has_name) named_.push_back(std::move(entry.uri));
}

void CatalogList::sort() { std::ranges::stable_sort(rows_, std::greater(), &Row::time_s); }

CatalogEntry CatalogList::operator[](std::size_t i) const {
    const Row& row = rows_[i];
    CatalogEntry entry{{}, row.kind, row.pinned, row.size_bytes, row.time_s};
    if (row.named != nameless) entry.uri = named_[row.named];
    entry.uri.sha1 = row.sha1;
    return entry;
}

void CatalogList::keep_if(const std::function<bool(const CatalogEntry&)>& is_wanted) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i)
        if (is_wanted((*this)[i])) rows_[kept++] = rows_[i];
    rows_.resize(kept);
}

}  // namespace kp2p
