#include "app/row_names.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "rbmpi/storage/contained_read.hpp"

namespace rbmpi {
namespace {

constexpr std::uint64_t block_rows = 65536;

/// Texts as bytes, each behind its length; and back.
std::string packed(const std::vector<std::string>& texts) {
  std::string bytes;
  for (const std::string& text : texts) {
    const std::uint64_t size = text.size();
    bytes.append(reinterpret_cast<const char*>(&size), sizeof(size));
    bytes += text;
  }
  return bytes;
}

std::vector<std::string> unpacked(std::string_view bytes) {
  std::vector<std::string> texts;
  while (!bytes.empty()) {
    std::uint64_t size = 0;
    std::memcpy(&size, bytes.data(), sizeof(size));
    texts.emplace_back(bytes.substr(sizeof(size), size));
    bytes.remove_prefix(sizeof(size) + size);
  }
  return texts;
}

}  // namespace

RowNames::RowNames(std::filesystem::path data, const DatasetInfo& info)
    : data_(std::move(data)), rows_(info.has_row_names ? info.rows : 0) {
  for (std::uint64_t first = 0; first < rows_; first += block_rows) {
    read_block(first);
    for (const std::string& name : block_) longest_ = std::max(longest_, name.size());
  }
  longest_ = there() ? std::max<std::size_t>(longest_, 1) : 0;
}

std::vector<std::string> RowNames::of(std::uint64_t first, std::uint64_t count) {
  std::vector<std::string> names;
  for (std::uint64_t row = first; there() && row < first + count; ++row) {
    if (row < first_ || row >= first_ + block_.size()) read_block(row / block_rows * block_rows);
    names.push_back(block_[row - first_]);
  }
  return names;
}

void RowNames::read_block(std::uint64_t first) {
  const std::uint64_t count = std::min(block_rows, rows_ - first);
  block_ = unpacked(
      read_in_child(data_, [&] { return packed(DatasetReader(data_, Values::any).read_row_names(first, count)); }));
  first_ = first;
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string field = "\"";
  for (const char c : text) {
    if (c == '"') field += '"';
    field += c;
  }
  return field + '"';
}

}  // namespace rbmpi
