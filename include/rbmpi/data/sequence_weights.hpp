#pragma once

#include <cstdint>
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

/// Weights of sequences that are not independent of each other: each counts as one over its neighbours.
struct SequenceWeights {
  std::vector<std::int64_t> neighbours;  ///< [N], of each sequence, itself included

  /// Local. [N], 1 / neighbours.
  [[nodiscard]] std::vector<float> weights() const;
  /// Local. Their sum, in double precision and in the order of the sequences: the effective number of sequences.
  [[nodiscard]] double effective_sequences() const;
};

/// Collective over `world`, of which `node` is this rank's node. Compares each sequence [N x sites] with each other
/// one, on all ranks and threads; the result is on all ranks, the same on any number of them. The sequences are equal
/// on all ranks; a node takes as much memory again, and each rank 8 bytes a sequence. Throws on all ranks an
/// AgreedError(Failure::usage) for a rule out of its range, no sequence, no site or more than 2^31 of them,
/// AgreedError(Failure::other) where memory is missing, AgreedError(Failure::interrupted) after a signal.
[[nodiscard]] SequenceWeights weigh_sequences(ConstLettersView sequences, NeighbourRule rule, const Communicator& world,
                                              const Communicator& node, const ProgressReport& progress = {});

}  // namespace rbmpi
