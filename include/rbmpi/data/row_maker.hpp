#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/real.hpp"
#include "rbmpi/data/samples.hpp"

namespace rbmpi {

/// Makes rows of samples when they are asked for, such as features of other samples. For one thread at a time.
class RowMaker {
 public:
  virtual ~RowMaker() = default;
  /// Local, on all threads, without allocation. values[i] = the row with number rows[i], in [0, 1]: n x columns. The
  /// same bits whatever rows are made together.
  virtual void make(std::span<const std::uint64_t> rows, Real* values) = 0;
};

/// Consecutive rows of samples in memory, some at a time, whether they are there already or have to be made.
class SampleBlocks {
 public:
  /// `samples`, which must live on, in blocks of at most `most_rows`.
  SampleBlocks(const Samples& samples, std::size_t most_rows);
  /// Local, on all threads, without allocation. The rows [first, first + count), in memory until the next call.
  [[nodiscard]] Samples rows(std::uint64_t first, std::uint64_t count);

 private:
  const Samples& samples_;
  std::vector<std::uint64_t> numbers_;
  AlignedBuffer<Real> made_;
};

}  // namespace rbmpi
