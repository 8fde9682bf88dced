#include "rbmpi/data/row_order.hpp"

#include <algorithm>
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

RowOrder::RowOrder(std::uint64_t rows, bool shuffled, std::uint64_t seed, std::uint32_t layer, std::uint64_t epoch,
                   std::uint64_t block_rows) noexcept
    : rows_(rows),
      shuffled_(shuffled && rows > 1),
      seed_(seed),
      layer_(layer),
      epoch_(epoch),
      block_rows_(block_rows == 0 ? rows : std::min(block_rows, rows)),
      last_place_(shuffled_ ? place_of_last_block() : 0) {}

void RowOrder::rows(std::uint64_t first, std::span<std::uint64_t> rows) const noexcept {
  if (!shuffled_) return std::iota(rows.begin(), rows.end(), first);
  if (block_rows_ == rows_) return permute({.size = rows_}, first, rows);
  for (std::size_t done = 0; done < rows.size();) {
    const std::uint64_t position = first + done;
    const Block from = block(position);
    const std::uint64_t begin = position - (from.end - from.rows.count);
    const std::span<std::uint64_t> some =
        rows.subspan(done, std::min<std::uint64_t>(rows.size() - done, from.end - position));
    const auto number = static_cast<std::uint32_t>(from.rows.first / block_rows_);
    permute({.size = from.rows.count, .first_stream = rounds * (number + 1)}, begin, some);
    for (std::uint64_t& row : some) row += from.rows.first;
    done += some.size();
  }
}

RowOrder::Block RowOrder::block(std::uint64_t position) const noexcept {
  const std::uint64_t blocks = (rows_ - 1) / block_rows_ + 1;
  const std::uint64_t in_last = rows_ - (blocks - 1) * block_rows_;
  // As if the last block were a whole one.
  const bool behind_last = position >= last_place_ * block_rows_ + in_last;
  const std::uint64_t missing = behind_last ? block_rows_ - in_last : 0;
  const std::uint64_t place = (position + missing) / block_rows_;
  std::uint64_t number = 0;
  permute({.size = blocks}, place, std::span(&number, 1));
  const std::uint64_t size = number + 1 == blocks ? in_last : block_rows_;
  const std::uint64_t begin = place * block_rows_ - missing;
  return {.rows = {number * block_rows_, size}, .end = begin + size};
}

RowOrder RowOrder::next_epoch() const noexcept {
  return {rows_, shuffled_, seed_, layer_, epoch_ + 1, block_rows_};
}

std::uint64_t RowOrder::row(std::uint64_t position) const noexcept {
  std::uint64_t result = 0;
  rows(position, std::span(&result, 1));
  return result;
}

std::uint64_t RowOrder::place_of_last_block() const noexcept {
  const std::uint64_t blocks = (rows_ - 1) / block_rows_ + 1;
  if (blocks == 1 || rows_ % block_rows_ == 0) return blocks - 1;  // then it is like any other
  std::array<std::uint64_t, at_once> some{};
  for (std::uint64_t first = 0;; first += at_once) {
    const std::span<std::uint64_t> found = std::span(some).first(std::min<std::uint64_t>(at_once, blocks - first));
    permute({.size = blocks}, first, found);
    const auto place = std::ranges::find(found, blocks - 1);
    if (place != found.end()) return first + static_cast<std::uint64_t>(place - found.begin());
  }
}

void RowOrder::permute(const Network& network, std::uint64_t first, std::span<std::uint64_t> results) const noexcept {
  std::iota(results.begin(), results.end(), first);
  if (network.size == 1) return;
  // The network permutes [0, 4^half_bits), the smallest such range that holds all values.
  const int half_bits = static_cast<int>(std::bit_width(network.size - 1) + 1) / 2;
  std::array<std::uint64_t, at_once> values{};
  std::array<std::size_t, at_once> places{};
  // Values that are in range not yet go through the network again, together with the next ones.
  std::size_t pending = 0;
  std::size_t next = 0;
  while (pending > 0 || next < results.size()) {
    for (; pending < at_once && next < results.size(); ++pending, ++next) {
      values[pending] = results[next];
      places[pending] = next;
    }
    pass(network, half_bits, std::span(values).first(pending));
    std::size_t kept = 0;
    for (std::size_t i = 0; i < pending; ++i) {
      if (values[i] < network.size) {
        results[places[i]] = values[i];
      } else {
        values[kept] = values[i];
        places[kept++] = places[i];
      }
    }
    pending = kept;
  }
}

void RowOrder::pass(const Network& network, int half_bits, std::span<std::uint64_t> values) const noexcept {
  const auto mask = static_cast<std::uint32_t>((std::uint64_t{1} << half_bits) - 1);
  std::array<std::uint32_t, at_once> left{};
  std::array<std::uint32_t, at_once> right{};
  std::array<std::uint32_t, at_once> words{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    left[i] = static_cast<std::uint32_t>(values[i] >> half_bits);
    right[i] = static_cast<std::uint32_t>(values[i]) & mask;
  }
  for (std::uint32_t round = 0; round < rounds; ++round) {
    words = right;
    first_words(RandomStream(seed_, layer_, epoch_, Phase::order, network.first_stream + round), words.data(),
                values.size());
    for (std::size_t i = 0; i < values.size(); ++i) words[i] = left[i] ^ (words[i] & mask);
    left = right;
    right = words;
  }
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = (std::uint64_t{left[i]} << half_bits) | right[i];
}

}  // namespace rbmpi
