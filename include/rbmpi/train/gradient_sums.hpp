#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/real.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// The gradient of this rank's share of the parameters, as sums over samples, not averages, where it cannot be used up as
/// soon as it is formed: because other nodes have sums to add, or because a batch is taken in several parts.
///
/// In wide form the sums are kept and exchanged in double precision: for batches of more samples than single precision
/// can add exactly.
class GradientSums {
 public:
  GradientSums(std::size_t size, bool wide);

  /// Local. Everything to zero, for a new step.
  void clear();

  /// The sums: before the exchange those of one part of the node's samples, to which an estimator adds; `finish_part`
  /// is called after every 4096 samples at the latest.
  [[nodiscard]] std::span<Real> values() noexcept { return values_.span(); }
  /// Local, on all threads.
  void finish_part();

  /// Collective over `peers`. Afterwards the sums are those over all nodes, of `samples` samples.
  void exchange(const Communicator& peers, std::uint64_t samples);

  /// What `values` have to be multiplied by for averages. (In wide form `exchange` has divided them.)
  [[nodiscard]] Real sample_share(std::uint64_t samples) const noexcept {
    return wide_.empty() ? Real{1} / static_cast<Real>(samples) : Real{1};
  }

  /// Bytes that an object holds.
  [[nodiscard]] static std::uint64_t memory(std::size_t size, bool wide) {
    return size * (sizeof(Real) + (wide ? sizeof(double) : 0));
  }

 private:
  AlignedBuffer<Real> values_;
  AlignedBuffer<double> wide_;  // the same in double precision, or empty
};

}  // namespace rbmpi
