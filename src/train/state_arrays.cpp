#include "train/state_arrays.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"

namespace rbmpi {

std::string to_text(std::span<const StateArray> arrays) {
  std::string text;
  for (const StateArray& array : arrays) {
    text += fmt::format("{}{} {} {} x {}{}", text.empty() ? "" : ", ", array.name, element_name(array.type), array.rows,
                        array.columns, array.is_shared_out ? " shared out" : "");
  }
  return text.empty() ? "no arrays" : text;
}

std::vector<SavedState::Array> copies_of(std::span<const StateArray> arrays) {
  std::vector<SavedState::Array> copies;
  for (const StateArray& array : arrays) {
    AlignedBuffer<std::byte> values(array.values.size());
    std::ranges::copy(array.values, values.data());
    copies.push_back({array.name, array.type, array.rows, array.columns, std::move(values)});
  }
  return copies;
}

StateArrays::StateArrays(std::vector<StateArray> arrays, const NodeShare& share, Arena& memory)
    : arrays_(std::move(arrays)) {
  std::set<std::string> names;
  for (const StateArray& array : arrays_) {
    const std::uint64_t rows = array.is_shared_out ? shard(array.rows, share.node, share.nodes).count : array.rows;
    const auto refuse_array = [&](const std::string& why) {
      throw Error(Failure::usage, fmt::format("the array '{}' of the state {}", array.name, why));
    };
    if (array.name.empty() || array.name == "." || array.name == ".." || array.name.find('/') != std::string::npos) {
      refuse_array("has no name that a file can show: it must not be empty, a dot or two, or have a '/'");
    }
    if (!names.insert(array.name).second) refuse_array("is there twice");
    if (array.rows == 0 || array.row_bytes() == 0) {
      refuse_array(fmt::format("has {} rows of {} numbers of type {}: none of them may be nothing", array.rows,
                               array.columns, element_name(array.type)));
    }
    if (!memory.counts() && array.values.size() != rows * array.row_bytes()) {
      refuse_array(fmt::format("has {} bytes in node {} of {}: {} rows of {} bytes would be right", array.values.size(),
                               share.node, share.nodes, rows, array.row_bytes()));
    }
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
