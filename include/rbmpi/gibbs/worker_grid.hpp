#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "rbmpi/data/shard.hpp"

namespace rbmpi {

/// Rows of states, or chains, that a thread takes through the machine together: few enough for their fields to stay in
/// a cache, enough for what is read of the weights to serve many.
inline constexpr std::size_t rows_through_machine = 128;

/// What the workers of a node, each thread of each of its ranks, share out: visible units and rows of states.
struct NodeWork {
  std::size_t visible = 0;
  std::size_t rows = 0;     ///< the most that the node takes through the machine together
  std::size_t passes = 2;   ///< times in a step that each of them gets fields of its hidden units
  std::size_t slots = 1;    ///< ranks of the node
  std::size_t threads = 1;  ///< of each
  std::size_t group = 1;    ///< units are shared out in groups of so many, as their rows of the weights are
};

/// The workers of a node as a grid of p x q: a worker has the p-th part of the visible units for the q-th part of the
/// rows. It forms the states of these units for these rows and adds up their rows of W, which gives parts of the sums
/// for the hidden units; the p workers with the same rows put them together, each for some of the rows. So of the
/// weights a worker reads V/p rows, of which others change all but V/(pq) in each step; and it reads the sums of others
/// for B/(pq) rows. Both would cost more than the additions if they were large, since caches would hand the lines to
/// and fro. All sums are exact: it does not matter how they are cut. Every method is Local.
class WorkerGrid {
 public:
  explicit WorkerGrid(const NodeWork& work) noexcept;

  [[nodiscard]] std::size_t workers() const noexcept { return work_.slots * work_.threads; }
  [[nodiscard]] std::size_t unit_parts() const noexcept { return unit_parts_; }             ///< p
  [[nodiscard]] std::size_t row_parts() const noexcept { return workers() / unit_parts_; }  ///< q
  [[nodiscard]] std::size_t unit_part(std::size_t worker) const noexcept { return worker / row_parts(); }
  [[nodiscard]] std::size_t row_part(std::size_t worker) const noexcept { return worker % row_parts(); }
  [[nodiscard]] std::size_t worker(std::size_t unit_part, std::size_t row_part) const noexcept {
    return unit_part * row_parts() + row_part;
  }

  /// The visible units of a part: those whose rows of the weights its workers have.
  [[nodiscard]] Shard units(std::size_t unit_part) const noexcept;
  [[nodiscard]] std::size_t most_units() const noexcept;
  /// The rows of a part when there are `node_rows` in all; the first part has most.
  [[nodiscard]] Shard rows(std::uint64_t node_rows, std::size_t row_part) const noexcept {
    return shard(node_rows, static_cast<int>(row_part), static_cast<int>(row_parts()));
  }
  /// Those of them that a worker takes next, when `first` of its rows are done; none when all are.
  [[nodiscard]] Shard block(std::uint64_t node_rows, std::size_t worker, std::uint64_t first) const noexcept;
  [[nodiscard]] std::size_t largest_block() const noexcept {
    return std::min<std::size_t>(rows(work_.rows, 0).count, rows_through_machine);
  }
  /// The rows of a block whose hidden units this one of the p workers that have it puts together.
  [[nodiscard]] Shard finished(Shard block, std::size_t worker) const noexcept {
    const Shard part = shard(block.count, static_cast<int>(unit_part(worker)), static_cast<int>(unit_parts_));
    return {block.first + part.first, part.count};
  }

 private:
  [[nodiscard]] Shard units_of_worker(std::size_t worker) const noexcept;
  [[nodiscard]] std::size_t best_unit_parts() const noexcept;

  NodeWork work_;
  std::size_t unit_parts_;
};

}  // namespace rbmpi
