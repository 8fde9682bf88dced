#include "train/rank_share.hpp"

#include <algorithm>

#include "rbmpi/parallel/sums_under_way.hpp"

namespace rbmpi {

RankShare::RankShare(const ParameterLayout& layout, const NodeShare& share) : layout_(&layout) {
  for (std::size_t array = 0; array < layout.count(); ++array) {
    const ParameterArray& all = layout[array];
    rows_.push_back(
        shard_in_groups({0, all.rows}, all.group, static_cast<int>(share.slot), static_cast<int>(share.slots)));
    offsets_.push_back(size_);
    size_ += rows_.back().count * all.columns;
  }
}

/// Each is enough for the network, and has so many rows for each thread that what is prepared for it serves many; all
/// but a small part of the sums can be on their way while others are computed.
std::size_t RankShare::good_pieces(std::size_t threads) const {
  constexpr std::size_t most_pieces = 8;
  constexpr std::size_t least_values = std::size_t{1} << 14U;
  constexpr std::size_t least_rows = 64;
  std::uint64_t rows = 0;
  for (std::size_t array = 0; array < rows_.size(); ++array) {
    if ((*layout_)[array].columns > 1) rows += rows_[array].count;
  }
  const std::size_t pieces = std::min(size_ / least_values, rows / (least_rows * threads));
  const std::size_t fewest = size_ / SumsUnderWay::most_values + 1;
  return std::max(fewest, std::min(pieces, most_pieces));
}

std::vector<std::vector<ArrayRows>> RankShare::cut(std::size_t pieces) const {
  std::vector<std::vector<ArrayRows>> cuts(1);
  std::size_t done = 0;
  for (std::size_t array = 0; array < rows_.size(); ++array) {
    const ParameterArray& all = (*layout_)[array];
    std::uint64_t first = rows_[array].first;
    const std::uint64_t end = first + rows_[array].count;
    while (first < end) {
      const std::size_t goal = cuts.size() == pieces ? size_ : size_ * cuts.size() / pieces;
      const std::uint64_t wanted = goal > done ? (goal - done + all.columns - 1) / all.columns : 0;
      const std::uint64_t rows = std::min(end - first, (wanted + all.group - 1) / all.group * all.group);
      if (rows > 0) cuts.back().push_back({array, {first, rows}});
      first += rows;
      done += rows * all.columns;
      if (done >= goal && cuts.size() < pieces) cuts.emplace_back();
    }
  }
  if (cuts.back().empty() && cuts.size() > 1) cuts.pop_back();
  return cuts;
}

}  // namespace rbmpi
