#include "rbmpi/data/row_order.hpp"

#include <array>
#include <bit>
#include <numeric>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/random.hpp"

namespace rbmpi {

namespace {
// Four rounds make a permutation that cannot be told from a random one on a large range. On a few rows one still can:
// with six, pairs of neighbours are off by some 9 %; with eight nothing was found for 3 rows and more.
constexpr std::uint32_t rounds = 8;

/// Values that go through the network together, for the vectors of first_words().
constexpr std::size_t at_once = 32;
}  // namespace

RowOrder::RowOrder(std::uint64_t rows, bool shuffled, std::uint64_t seed, std::uint32_t layer,
                   std::uint64_t epoch) noexcept
    : rows_(rows),
      shuffled_(shuffled && rows > 1),
      seed_(seed),
      layer_(layer),
      epoch_(epoch),
      half_bits_(static_cast<int>(std::bit_width(rows > 1 ? rows - 1 : 1) + 1) / 2) {}

void RowOrder::rows(std::uint64_t first, std::span<std::uint64_t> rows) const noexcept {
  std::iota(rows.begin(), rows.end(), first);
  if (!shuffled_) return;
  std::array<std::uint64_t, at_once> values{};
  std::array<std::size_t, at_once> places{};
  // Values that are no row yet go through the network again, together with the next ones.
  std::size_t pending = 0;
  std::size_t next = 0;
  while (pending > 0 || next < rows.size()) {
    for (; pending < at_once && next < rows.size(); ++pending, ++next) {
      values[pending] = rows[next];
      places[pending] = next;
    }
    permute(std::span(values).first(pending));
    std::size_t kept = 0;
    for (std::size_t i = 0; i < pending; ++i) {
      if (values[i] < rows_) {
        rows[places[i]] = values[i];
      } else {
        values[kept] = values[i];
        places[kept++] = places[i];
      }
    }
    pending = kept;
  }
}

std::uint64_t RowOrder::row(std::uint64_t position) const noexcept {
  std::uint64_t result = 0;
  rows(position, std::span(&result, 1));
  return result;
}

void RowOrder::permute(std::span<std::uint64_t> values) const noexcept {
  const auto mask = static_cast<std::uint32_t>((std::uint64_t{1} << half_bits_) - 1);
  std::array<std::uint32_t, at_once> left{};
  std::array<std::uint32_t, at_once> right{};
  std::array<std::uint32_t, at_once> words{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    left[i] = static_cast<std::uint32_t>(values[i] >> half_bits_);
    right[i] = static_cast<std::uint32_t>(values[i]) & mask;
  }
  for (std::uint32_t round = 0; round < rounds; ++round) {
    words = right;
    first_words(RandomStream(seed_, layer_, epoch_, Phase::order, round), words.data(), values.size());
    for (std::size_t i = 0; i < values.size(); ++i) words[i] = left[i] ^ (words[i] & mask);
    left = right;
    right = words;
  }
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = (std::uint64_t{left[i]} << half_bits_) | right[i];
}

}  // namespace rbmpi
