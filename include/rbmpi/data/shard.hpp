#pragma once

#include <cstdint>

namespace rbmpi {

/// A contiguous range of `count` things from `first` on.
struct Shard {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

/// Local. The part of `rank` (0 <= rank < size) when `total` things are shared out in contiguous parts that differ by
/// at most one; the first `total % size` ranks have one more. Empty where there are fewer things than ranks.
[[nodiscard]] constexpr Shard shard(std::uint64_t total, int rank, int size) noexcept {
  const auto r = static_cast<std::uint64_t>(rank);
  const auto s = static_cast<std::uint64_t>(size);
  const std::uint64_t share = total / s;
  const std::uint64_t rest = total % s;
  return {r * share + (r < rest ? r : rest), share + (r < rest ? 1 : 0)};
}

}  // namespace rbmpi
