#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rbmpi/data/shard.hpp"
#include "rbmpi/train/gradient_function.hpp"

namespace rbmpi {

/// Some rows of an array of parameters that one rank has.
struct ArrayRows {
  std::size_t array = 0;
  Shard rows;
};

/// What a rank has of all parameters, and where its sums lie in a buffer of its own, one behind the other.
class RankShare {
 public:
  RankShare() = default;
  /// `layout` must live on.
  RankShare(const ParameterLayout& layout, const NodeShare& share);

  /// Values in all.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t arrays() const noexcept { return rows_.size(); }
  [[nodiscard]] Shard rows(std::size_t array) const noexcept { return rows_[array]; }
  /// Place of a row of this rank's in the buffer.
  [[nodiscard]] std::size_t place(std::size_t array, std::uint64_t row) const noexcept {
    return offsets_[array] + (row - rows_[array].first) * (*layout_)[array].columns;
  }

  /// The values of consecutive rows in the buffer.
  [[nodiscard]] Shard values(const std::vector<ArrayRows>& parts) const noexcept {
    if (parts.empty()) return {};
    const ArrayRows& last = parts.back();
    const std::size_t first = place(parts.front().array, parts.front().rows.first);
    return {first, place(last.array, last.rows.first + last.rows.count) - first};
  }

  /// Into so many pieces it is best cut for exchange while `threads` threads compute the next ones.
  [[nodiscard]] std::size_t good_pieces(std::size_t threads) const;
  /// Cuts it into at most `pieces` parts of about equal size, each a list of whole groups of rows.
  [[nodiscard]] std::vector<std::vector<ArrayRows>> cut(std::size_t pieces) const;

 private:
  const ParameterLayout* layout_ = nullptr;
  std::vector<Shard> rows_;
  std::vector<std::size_t> offsets_;
  std::size_t size_ = 0;
};

}  // namespace rbmpi
