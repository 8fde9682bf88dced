#pragma once

#include <cstdint>

#include "rbmpi/data/samples.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/parallel/shared_window.hpp"

namespace rbmpi {

/// Rows of random zeros and ones, as bytes with scale 1, in memory once per node: a shared window that the ranks of the
/// node fill in parallel. The same rows on every layout.
class SyntheticSamples {
 public:
  /// Collective over `world`, of which `node` is this rank's node. Each value is one with probability `density`, in
  /// [0, 1]. Throws an AgreedError on all ranks, before anything is allocated, if the memory of a node does not suffice
  /// for the rows and `other_bytes` more, which is a number for each node.
  SyntheticSamples(const Communicator& world, const Communicator& node, std::uint64_t rows, std::uint64_t columns,
                   double density, std::uint64_t other_bytes);

  [[nodiscard]] const Samples& samples() const noexcept { return samples_; }

 private:
  Samples samples_;
  SharedWindow window_;
};

}  // namespace rbmpi
