#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rbmpi {

/// After which steps of a training a copy of the model is kept, for those who study how it learns: `none`; `linear:N`,
/// N models at equal distances, the last at the end; or `log:N`, N models at equal ratios of steps, the first after
/// step 1 and the last at the end. A training of fewer than N steps, or small ratios, give fewer.
class SnapshotSchedule {
 public:
  enum class Kind { none, linear, logarithmic };

  SnapshotSchedule() noexcept = default;
  /// Throws Error(Failure::usage) that says what would be right.
  [[nodiscard]] static SnapshotSchedule parse(const std::string& text);
  /// The same the other way round.
  [[nodiscard]] std::string text() const;

  /// The steps (from 1) of a training of `total` steps, ascending, without repetition.
  [[nodiscard]] std::vector<std::uint64_t> steps(std::uint64_t total) const;

 private:
  Kind kind_ = Kind::none;
  std::uint64_t count_ = 0;
};

}  // namespace rbmpi
