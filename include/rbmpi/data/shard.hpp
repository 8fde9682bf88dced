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

/// Local. The same for the things of `all`, which begins at a multiple of `group`: all parts do so as well, as far as
/// they are not empty.
[[nodiscard]] constexpr Shard shard_in_groups(Shard all, std::uint64_t group, int rank, int size) noexcept {
  const Shard groups = shard((all.count + group - 1) / group, rank, size);
  const std::uint64_t begin = groups.first * group < all.count ? groups.first * group : all.count;
  const std::uint64_t end = begin + groups.count * group < all.count ? begin + groups.count * group : all.count;
  return {all.first + begin, end - begin};
}

}  // namespace rbmpi
