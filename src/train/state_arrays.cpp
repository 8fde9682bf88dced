#include "train/state_arrays.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"

namespace rbmpi {

StateArrays::StateArrays(std::vector<StateArray> arrays, const NodeShare& share, Arena& memory)
    : arrays_(std::move(arrays)) {
  std::set<std::string> names;
  for (const StateArray& array : arrays_) {
    const std::uint64_t rows = array.is_shared_out ? shard(array.rows, share.node, share.nodes).count : array.rows;
    const bool is_name = !array.name.empty() && array.name.find('/') == std::string::npos;
    const bool has_size = array.rows > 0 && array.row_bytes() > 0;
    const bool has_values = memory.counts() || array.values.size() == rows * array.row_bytes();
    if (is_name && has_size && has_values && names.insert(array.name).second) continue;
    throw Error(Failure::usage,
                fmt::format("the array '{}' of the state: {} rows of {} bytes, of which this node has {} "
                            "in {} bytes; each wants a name of its own without '/', and just its rows",
                            array.name, array.rows, array.row_bytes(), rows, array.values.size()));
  }
  if (share.node != 0 || share.slot != 0) return;
  whole_ = arrays_;
  for (StateArray& array : whole_) {
    if (array.is_shared_out && share.nodes > 1) array.values = memory.take<std::byte>(array.bytes());
  }
}

void StateArrays::check_start(std::span<const SavedState::Array> start) const {
  for (const StateArray& array : arrays_) {
    const auto found = std::ranges::find(start, array.name, &SavedState::Array::name);
    if (found == start.end()) {
      throw Error(Failure::file, fmt::format("the start has no array '{}' of the state", array.name));
    }
    if (found->type == array.type && found->rows == array.rows && found->columns == array.columns &&
        found->values.size() == array.bytes()) {
      continue;
    }
    throw Error(Failure::file, fmt::format("the start has the array '{}' of the state as {} [{} x {}] instead of {} "
                                           "[{} x {}]",
                                           array.name, element_name(found->type), found->rows, found->columns,
                                           element_name(array.type), array.rows, array.columns));
  }
  for (const SavedState::Array& array : start) {
    if (std::ranges::find(arrays_, array.name, &StateArray::name) != arrays_.end()) continue;
    throw Error(Failure::file, fmt::format("the start has an array '{}' of the state, of which this training knows "
                                           "nothing",
                                           array.name));
  }
}

void StateArrays::fill(std::span<const SavedState::Array> start, const Communicator& nodes) {
  for (const StateArray& array : arrays_) {
    std::span<const std::byte> all;
    if (nodes.is_root()) all = std::ranges::find(start, array.name, &SavedState::Array::name)->values.span();
    if (array.is_shared_out) {
      nodes.scatter(all, array.values);
    } else {
      std::ranges::copy(all, array.values.begin());
      nodes.broadcast(array.values);
    }
  }
}

void StateArrays::gather(const Communicator& nodes) {
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    if (arrays_[i].is_shared_out && nodes.size() > 1) {
      nodes.gather(arrays_[i].values, nodes.is_root() ? whole_[i].values : std::span<std::byte>());
    }
  }
}

}  // namespace rbmpi
