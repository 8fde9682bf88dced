#include "rbmpi/data/held_out_rows.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "rbmpi/data/row_order.hpp"

namespace rbmpi {
namespace {

/// Products of two numbers of 64 bits.
__extension__ using Wide = unsigned __int128;

/// How many rows of each class are held out.
std::map<std::int32_t, std::uint64_t> shares_of_classes(std::span<const std::int32_t> labels, std::uint64_t count) {
  std::map<std::int32_t, std::uint64_t> shares;
  for (const std::int32_t label : labels) ++shares[label];
  const auto all = static_cast<Wide>(labels.size());
  std::vector<std::pair<std::uint64_t, std::int32_t>> remainders;
  std::uint64_t left = count;
  for (auto& [label, share] : shares) {
    const Wide exact = static_cast<Wide>(share) * count;
    remainders.emplace_back(static_cast<std::uint64_t>(exact % all), label);
    share = static_cast<std::uint64_t>(exact / all);
    left -= share;
  }
  // The largest first; of equal ones the class that comes first.
  std::ranges::sort(remainders, [](const auto& a, const auto& b) {
    return std::tuple(b.first, a.second) < std::tuple(a.first, b.second);
  });
  for (std::uint64_t i = 0; i < left; ++i) ++shares[remainders[i].second];
  return shares;
}

}  // namespace

std::vector<std::uint64_t> draw_held_out_rows(std::uint64_t rows, std::span<const std::int32_t> labels,
                                              std::uint64_t count, std::uint64_t seed) {
  // Trainings take the epochs from 1 on, of layers from 0 on.
  constexpr std::uint32_t no_layer = 255;
  const RowOrder order(rows, /*shuffled=*/true, seed, no_layer, /*epoch=*/0);
  std::map<std::int32_t, std::uint64_t> left;
  if (!labels.empty()) left = shares_of_classes(labels, count);
  std::vector<std::uint64_t> held_out;
  held_out.reserve(count);
  for (std::uint64_t position = 0; held_out.size() < count; ++position) {
    const std::uint64_t row = order.row(position);
    if (!labels.empty()) {
      std::uint64_t& of_class = left[labels[row]];
      if (of_class == 0) continue;
      --of_class;
    }
    held_out.push_back(row);
  }
  std::ranges::sort(held_out);
  return held_out;
}

}  // namespace rbmpi
