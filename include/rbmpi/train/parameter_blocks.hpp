#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace rbmpi {

/// Ranks and threads share out the weights in whole groups of so many rows: so each cache line of W and of its
/// transposed copy belongs to one thread of one rank.
inline constexpr std::uint64_t rows_together = 16;

/// Parameters that belong together, in the flat buffer of all: a matrix [rows x columns], row-major, or a vector as a
/// matrix of one column.
struct ParameterBlock {
  std::size_t rows = 0;
  std::size_t columns = 1;
  std::uint64_t group = 1;   ///< rows are shared out in whole groups of so many
  bool weight_cost = false;  ///< whether the weight cost acts on them: on weights, not on biases

  [[nodiscard]] std::size_t size() const noexcept { return rows * columns; }
};

/// The blocks of which a flat buffer of parameters consists, one behind the other.
class ParameterBlocks {
 public:
  ParameterBlocks() = default;
  explicit ParameterBlocks(std::vector<ParameterBlock> blocks) : blocks_(std::move(blocks)) {
    offsets_.push_back(0);
    for (const ParameterBlock& block : blocks_) offsets_.push_back(offsets_.back() + block.size());
  }

  [[nodiscard]] std::size_t count() const noexcept { return blocks_.size(); }
  [[nodiscard]] const ParameterBlock& operator[](std::size_t block) const noexcept { return blocks_[block]; }
  /// Place of a row in the flat buffer.
  [[nodiscard]] std::size_t offset(std::size_t block, std::uint64_t row = 0) const noexcept {
    return offsets_[block] + row * blocks_[block].columns;
  }
  /// Parameters in all.
  [[nodiscard]] std::size_t size() const noexcept { return offsets_.empty() ? 0 : offsets_.back(); }
  /// Whether all blocks are of the same rows and columns as those of `others`.
  [[nodiscard]] bool same_sizes(const ParameterBlocks& others) const noexcept {
    return std::ranges::equal(blocks_, others.blocks_, [](const ParameterBlock& a, const ParameterBlock& b) {
      return a.rows == b.rows && a.columns == b.columns;
    });
  }

 private:
  std::vector<ParameterBlock> blocks_;
  std::vector<std::size_t> offsets_;
};

/// Local. "784 x 500, 1284 x 1".
[[nodiscard]] std::string to_text(const ParameterBlocks& blocks);

}  // namespace rbmpi
