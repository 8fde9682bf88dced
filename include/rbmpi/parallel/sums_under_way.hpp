#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// Sums over ranks that go on while the ranks compute (MPI_Iallreduce). MPI moves on only inside its calls, so
/// `progress` is called now and then. Move-only. The object must not be destroyed while a sum is under way.
class SumsUnderWay {
 public:
  /// Local. For rounds of up to `most` sums over `ranks`, which must live on: all are started, then all waited for.
  SumsUnderWay(const Communicator& ranks, std::size_t most);
  ~SumsUnderWay();
  SumsUnderWay(SumsUnderWay&& other) noexcept;
  SumsUnderWay& operator=(SumsUnderWay&& other) noexcept;
  SumsUnderWay(const SumsUnderWay&) = delete;
  SumsUnderWay& operator=(const SumsUnderWay&) = delete;

  /// Collective, in the same order on all ranks. Begins the element-wise sum of `values` over the ranks, in place, as
  /// Communicator::sum; nobody may touch them until `wait` has returned. At most `most_values`.
  static constexpr std::size_t most_values = std::size_t{1} << 30U;
  void start(std::span<float> values);
  /// Local.
  void progress();
  /// Collective. Returns when the oldest of the sums that were started is there.
  void wait();

 private:
  struct Requests;
  std::unique_ptr<Requests> requests_;
};

}  // namespace rbmpi
