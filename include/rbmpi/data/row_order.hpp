#pragma once

#include <cstdint>
#include <span>

namespace rbmpi {

/// The order of the rows in one epoch: a permutation of [0, rows) that is a pure function of (seed, layer, epoch), and
/// takes no memory however many rows there are. It is a Feistel network on an even number of bits with Philox as its
/// round function (Luby and Rackoff 1988); results that are no row are sent through it again ("cycle walking", Black
/// and Rogaway 2002). Local.
class RowOrder {
 public:
  /// Without `shuffled`, the order of the file.
  RowOrder(std::uint64_t rows, bool shuffled, std::uint64_t seed, std::uint32_t layer, std::uint64_t epoch) noexcept;

  /// rows[i] = the row at position first + i of the epoch, for i < rows.size(); all positions below the number of rows.
  /// Many at a time take a tenth of the time of one by one.
  void rows(std::uint64_t first, std::span<std::uint64_t> rows) const noexcept;
  /// The row at `position` of the epoch.
  [[nodiscard]] std::uint64_t row(std::uint64_t position) const noexcept;

 private:
  void permute(std::span<std::uint64_t> values) const noexcept;

  std::uint64_t rows_;
  bool shuffled_;
  std::uint64_t seed_;
  std::uint32_t layer_;
  std::uint64_t epoch_;
  int half_bits_;  // the network permutes [0, 4^half_bits), the smallest such range that holds all rows
};

}  // namespace rbmpi
