#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "rbmpi/core/progress_report.hpp"
#include "rbmpi/core/sequence_kernels.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// Which aligned sequences are neighbours: those with equal letters at so many of their sites, gaps among them. Each
/// sequence is a neighbour of itself.
struct NeighbourRule {
  double identity = 0.8;  ///< equal sites / sites, in [0, 1]
  bool above = false;     ///< neighbours have more than that, not at least that; then it is below 1
};

/// Local. The smallest number k of equal sites that makes neighbours: k / sites, rounded as double, is at least
/// `identity`, or above it. So 12 of 15 are 0.8, as NumPy's mean(a == b) >= 0.8 has it. Throws Error(Failure::usage) if
/// the rule is out of its range or there are no sites.
[[nodiscard]] std::uint64_t least_equal_sites(NeighbourRule rule, std::uint64_t sites);

/// Aligned sequences [rows x columns] that the root reads: from a file, which others may not see, or from memory.
struct SequenceSource {
  std::uint64_t rows = 0;     ///< equal on all ranks
  std::uint64_t columns = 0;  ///< likewise: sites
  /// On the root: the letters of `count` sequences from `first` on, count x columns. May throw Error.
  std::function<void(std::uint64_t first, std::uint64_t count, std::uint8_t* letters)> read;
};

/// Weights of sequences that are not independent of each other: each counts as one over its neighbours.
struct SequenceWeights {
  std::vector<std::int64_t> neighbours;  ///< [N], of each sequence, itself included

  /// Local. [N], 1 / neighbours.
  [[nodiscard]] std::vector<float> weights() const;
  /// Local. Their sum, in double precision and in the order of the sequences: the effective number of sequences.
  [[nodiscard]] double effective_sequences() const;
};

/// Collective over `world`, of which `node` is this rank's node. Compares each sequence with each other one, on all
/// ranks and threads; the result is on all ranks, the same on any number of them. A node keeps a byte for each letter,
/// and each rank 8 bytes for each sequence. Throws on all ranks an AgreedError(Failure::usage) for a rule out of its
/// range, no sequence, no site or more than 2^31 of them, AgreedError(Failure::other) where memory is missing, one of
/// what `read` throws, and AgreedError(Failure::interrupted) within seconds after a signal to any rank.
[[nodiscard]] SequenceWeights weigh_sequences(const SequenceSource& sequences, NeighbourRule rule,
                                              const Communicator& world, const Communicator& node,
                                              const ProgressReport& progress = {});

}  // namespace rbmpi
