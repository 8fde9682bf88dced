#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rbmpi/core/arena.hpp"
#include "rbmpi/core/real.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// The gradient of this rank's share of the parameters, as sums over samples, not averages, where it cannot be used up
/// as soon as it is formed: because other nodes have sums to add, or because a batch is taken in several parts.
///
/// In wide form the sums are kept and exchanged in double precision: for batches of more samples than single precision
/// can add exactly.
class GradientSums {
 public:
  GradientSums(std::size_t size, bool wide, Arena& memory);

  /// The sums. Before the exchange, those of the parts of the node's samples: in wide form those of one part, of 4096
  /// samples at the most, else those of all parts so far.
  [[nodiscard]] std::span<Real> values() noexcept { return values_; }
  [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }
  [[nodiscard]] bool wide() const noexcept { return !wide_.empty(); }
  /// Local, on all threads. After each part; `first` in a new step.
  void finish_part(bool first);

  /// Collective over `peers`. Afterwards the sums are those over all nodes; in wide form averages, divided by the total
  /// weight of the samples.
  void exchange(const Communicator& peers, double weight);

 private:
  std::span<Real> values_;
  std::span<double> wide_;  // the same in double precision, or empty
};

}  // namespace rbmpi
