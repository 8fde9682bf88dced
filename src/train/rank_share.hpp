#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rbmpi/data/shard.hpp"
#include "rbmpi/train/gradient_function.hpp"

namespace rbmpi {

/// Some rows of a block that one rank has.
struct BlockRows {
  std::size_t block = 0;
  Shard rows;
};

/// What a rank has of all parameters, and where its sums lie in a buffer of its own, block behind block.
class RankShare {
 public:
  RankShare() = default;
  /// `blocks` must live on.
  RankShare(const ParameterBlocks& blocks, const NodeShare& share);

  /// Values in all.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t blocks() const noexcept { return rows_.size(); }
  [[nodiscard]] Shard rows(std::size_t block) const noexcept { return rows_[block]; }
  /// Place of a row of this rank's in the buffer.
  [[nodiscard]] std::size_t place(std::size_t block, std::uint64_t row) const noexcept {
    return offsets_[block] + (row - rows_[block].first) * (*blocks_)[block].columns;
  }

  /// The values of consecutive rows in the buffer.
  [[nodiscard]] Shard values(const std::vector<BlockRows>& parts) const noexcept {
    if (parts.empty()) return {};
    const BlockRows& last = parts.back();
    const std::size_t first = place(parts.front().block, parts.front().rows.first);
    return {first, place(last.block, last.rows.first + last.rows.count) - first};
  }

  /// Into so many pieces it is best cut for exchange while `threads` threads compute the next ones.
  [[nodiscard]] std::size_t good_pieces(std::size_t threads) const;
  /// Cuts it into at most `pieces` parts of about equal size, each a list of whole groups of rows.
  [[nodiscard]] std::vector<std::vector<BlockRows>> cut(std::size_t pieces) const;

 private:
  const ParameterBlocks* blocks_ = nullptr;
  std::vector<Shard> rows_;
  std::vector<std::size_t> offsets_;
  std::size_t size_ = 0;
};

}  // namespace rbmpi
