#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rbmpi/data/data_look.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/data/row_source.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/parallel/shared_window.hpp"

namespace rbmpi {

/// How rows may be kept that do not fit the memory.
struct RowMemory {
  std::uint64_t most_bytes = 0;  ///< for the rows of a node; 0: what is free
  std::uint64_t block_rows =
      0;                        ///< rows of a block of the orders in which they are wanted (RowOrder); 0: not in blocks
  std::uint64_t step_rows = 0;  ///< that the ranks of a node are told at a time; 0: they do not read together
  /// Each rank is told so many by itself, and has blocks of its own: its share of `most_bytes`.
  bool by_ranks = false;
};

/// The samples of a dataset file, with their labels and weights, once per node: in memory that the ranks of the node
/// share and fill in parallel, zeros and ones as bits, sparse samples as they are, others in their stored type; or,
/// where they do not fit, in the file, from which they are read while they are used.
class NodeSamples {
 public:
  /// Collective over `world`, of which `node` is this rank's node. Reads the first `rows` rows, or all if `rows` is 0.
  /// Each node reads what it has under `path`, and all have to hold the same: a file that is not that of the root, in
  /// shape, values, labels or weights, is an AgreedError(Failure::file) that names both hosts and the first rows that
  /// differ; of rows that are not kept, an Error when they are read. Throws an AgreedError on all ranks, too, if the
  /// file cannot be read by any one of them, changes meanwhile, does not hold that many rows, or holds a value outside
  /// [0, scale]; and, before anything is allocated, if the memory of a node does not suffice for what has to be kept
  /// and `other_bytes` more for each of its ranks; this and `row_memory` are told what the file holds, one after the
  /// other. `scale`: the value that means 1.0, in place of what the file says.
  NodeSamples(const Communicator& world, const Communicator& node, const std::filesystem::path& path,
              std::uint64_t rows, const std::function<std::uint64_t(const DatasetInfo&)>& other_bytes,
              const std::function<RowMemory(const DatasetInfo&)>& row_memory = {},
              std::optional<double> scale = std::nullopt);

  /// Collective over the node. Puts these rows, which rise, behind all others, so that they can be held out; both keep
  /// their order, and the digest is still that of the file. Nobody reads rows meanwhile. Not of rows that stay in the
  /// file.
  void move_to_end(std::span<const std::uint64_t> rows, const Communicator& node);

  [[nodiscard]] const DatasetInfo& info() const noexcept { return info_; }
  [[nodiscard]] const Rows& rows() const noexcept { return rows_; }
  /// What they take of the memory of a node.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return window_.bytes().size() + bytes_of_ranks_; }
  /// Whether they stay in the file.
  [[nodiscard]] bool streamed() const noexcept { return streamed_; }
  /// SHA-256 of the rows in memory, their labels and weights, as `rbmpi info --digest` gives it for a file of just
  /// these rows.
  [[nodiscard]] const std::string& digest() const noexcept { return digest_; }
  /// What a look at these rows found, not at their labels; the same on every rank.
  [[nodiscard]] const std::vector<Finding>& findings() const noexcept { return findings_; }

 private:
  DatasetInfo info_;
  Rows rows_;
  bool streamed_ = false;
  SharedWindow window_;
  std::uint64_t bytes_of_ranks_ = 0;  // of blocks that ranks have for themselves when they read
  std::string digest_;
  std::vector<Finding> findings_;
  std::function<void(std::span<const std::uint64_t>)> move_to_end_;  // of rows in memory
};

}  // namespace rbmpi
