#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/real.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// What the ranks sum in one step: the flat gradient, as sums over samples, not averages, and behind it, in the same
/// buffer and so in the same exchange, the number of samples, their squared error and the wishes to stop and to keep a
/// checkpoint. Integers travel as digits of 8 bits, one to a number, so that their sums are exact for up to 65,793
/// ranks.
///
/// In wide form the sums are kept and exchanged in double precision: for batches of more samples than single precision
/// can add exactly.
class GradientSums {
 public:
  GradientSums(std::size_t parameters, bool wide);

  /// Local. Everything to zero, for a new step.
  void clear();

  /// The sums, in the layout of the parameters. Before the exchange, those of a part of this rank's samples; an
  /// estimator adds to them and calls `finish_part` after every 4096 samples at the latest.
  [[nodiscard]] std::span<Real> gradient() noexcept { return values_.span().first(parameters_); }
  void finish_part();

  void add_samples(std::uint64_t count) noexcept { samples_ += count; }
  /// In units of `squared_error_unit`, over all samples and visible units.
  void add_squared_error(std::uint64_t units) noexcept { squared_error_ += units; }
  void request_stop() noexcept { stop_ = true; }
  void request_checkpoint() noexcept { checkpoint_ = true; }

  /// Collective. The one exchange of a step: afterwards all of the above are sums over the ranks, and equal on all; one
  /// rank's wish is everyone's.
  void exchange(const Communicator& world);

  /// After the exchange.
  [[nodiscard]] std::uint64_t samples() const noexcept { return samples_; }
  [[nodiscard]] std::uint64_t squared_error() const noexcept { return squared_error_; }
  [[nodiscard]] bool stop_requested() const noexcept { return stop_; }
  [[nodiscard]] bool checkpoint_requested() const noexcept { return checkpoint_; }
  /// What `gradient` has to be multiplied by for the average over the samples. (In wide form it has been divided
  /// already.)
  [[nodiscard]] Real sample_share() const noexcept {
    return wide_.empty() ? Real{1} / static_cast<Real>(samples_) : Real{1};
  }

 private:
  std::size_t parameters_;
  AlignedBuffer<Real> values_;  // parameters, then the tail
  AlignedBuffer<double> wide_;  // the same in double precision, or empty
  std::uint64_t samples_ = 0;
  std::uint64_t squared_error_ = 0;
  bool stop_ = false;
  bool checkpoint_ = false;
};

}  // namespace rbmpi
