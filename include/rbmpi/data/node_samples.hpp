#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "rbmpi/data/data_look.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/data/samples.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/parallel/shared_window.hpp"

namespace rbmpi {

/// The samples of a dataset file in memory, in their stored type, with their labels, once per node: a shared window
/// that the ranks of the node fill in parallel, each its share of the rows.
class NodeSamples {
 public:
  /// Collective over `world`, of which `node` is this rank's node. Reads the first `rows` rows, or all if `rows` is 0.
  /// Each node reads what it has under `path`, and all have to hold the same: a file that is not that of the root, in
  /// shape, values or labels, is an AgreedError(Failure::file) that names both hosts and the first rows that differ.
  /// Throws an AgreedError on all ranks, too, if the file cannot be read by any one of them, changes meanwhile, does
  /// not hold that many rows, or holds a value outside [0, scale]; and, before anything is allocated, if the memory of
  /// a node does not suffice for the samples and `other_bytes` more for each of its ranks; it is told what the file
  /// holds. `scale`: the value that means 1.0, in place of what the file says.
  NodeSamples(const Communicator& world, const Communicator& node, const std::filesystem::path& path,
              std::uint64_t rows, const std::function<std::uint64_t(const DatasetInfo&)>& other_bytes,
              std::optional<double> scale = std::nullopt);

  [[nodiscard]] const DatasetInfo& info() const noexcept { return info_; }
  [[nodiscard]] const Samples& samples() const noexcept { return samples_; }
  /// SHA-256 of the rows in memory and their labels, as `rbmpi info --digest` gives it for a file of just these rows.
  [[nodiscard]] const std::string& digest() const noexcept { return digest_; }
  /// What a look at these rows found, not at their labels; the same on every rank.
  [[nodiscard]] const std::vector<Finding>& findings() const noexcept { return findings_; }

 private:
  DatasetInfo info_;
  Samples samples_;
  SharedWindow window_;
  std::string digest_;
  std::vector<Finding> findings_;
};

}  // namespace rbmpi
