#pragma once

#include <cstdint>
#include <span>

#include "rbmpi/data/shard.hpp"

namespace rbmpi {

/// The order of the rows in one epoch: a permutation of [0, rows) that is a pure function of (seed, layer, epoch), and
/// takes no memory however many rows there are. It is a Feistel network on an even number of bits with Philox as its
/// round function (Luby and Rackoff 1988); results that are no row are sent through it again ("cycle walking", Black
/// and Rogaway 2002). Rows that are fetched in blocks come block by block: the blocks in such an order, and the rows of
/// each. Local.
class RowOrder {
 public:
  /// Without `shuffled`, the order of the file. `block_rows`: consecutive rows of which a block is made, but for the
  /// last; 0: all rows. At most 2^28 blocks.
  RowOrder(std::uint64_t rows, bool shuffled, std::uint64_t seed, std::uint32_t layer, std::uint64_t epoch,
           std::uint64_t block_rows = 0) noexcept;

  /// rows[i] = the row at position first + i of the epoch, for i < rows.size(); all positions below the number of rows.
  /// Many at a time take a tenth of the time of one by one.
  void rows(std::uint64_t first, std::span<std::uint64_t> rows) const noexcept;
  /// The row at `position` of the epoch.
  [[nodiscard]] std::uint64_t row(std::uint64_t position) const noexcept;

  [[nodiscard]] std::uint64_t size() const noexcept { return rows_; }
  /// Whether the rows come in the order of the file.
  [[nodiscard]] bool in_order_of_file() const noexcept { return !shuffled_; }
  /// Whether they come block by block, of more than one.
  [[nodiscard]] bool in_blocks() const noexcept { return shuffled_ && block_rows_ < rows_; }
  /// If they do: the block of rows from which that at `position` comes, and the position of the first that is of
  /// another one.
  struct Block {
    Shard rows;
    std::uint64_t end = 0;
  };
  [[nodiscard]] Block block(std::uint64_t position) const noexcept;
  /// The order of the next epoch.
  [[nodiscard]] RowOrder next_epoch() const noexcept;

  bool operator==(const RowOrder&) const = default;

 private:
  /// A permutation of [0, size), with these random numbers of the epoch.
  struct Network {
    std::uint64_t size = 1;
    std::uint32_t first_stream = 0;
  };
  /// results[i] = that for first + i.
  void permute(const Network& network, std::uint64_t first, std::span<std::uint64_t> results) const noexcept;
  void pass(const Network& network, int half_bits, std::span<std::uint64_t> values) const noexcept;
  [[nodiscard]] std::uint64_t place_of_last_block() const noexcept;

  std::uint64_t rows_;
  bool shuffled_;
  std::uint64_t seed_;
  std::uint32_t layer_;
  std::uint64_t epoch_;
  std::uint64_t block_rows_;
  std::uint64_t last_place_;  // of the last block, which may be shorter, in the order of the blocks
};

}  // namespace rbmpi
