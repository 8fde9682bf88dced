#include "rbmpi/model/parameter_layout.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace rbmpi {

bool ParameterLayout::same_shapes(const ParameterLayout& other) const noexcept {
  return std::ranges::equal(arrays_, other.arrays_, [](const ParameterArray& a, const ParameterArray& b) {
    return a.rows == b.rows && a.columns == b.columns;
  });
}

ParameterLayout ParameterLayout::of_memory(const std::string& memory) const {
  std::vector<ParameterArray> arrays = arrays_;
  for (ParameterArray& array : arrays) {
    const std::size_t name = array.path.rfind('/') + 1;  // of a path without a group: its beginning
    array.path.insert(name, memory + "/");
  }
  return ParameterLayout(std::move(arrays));
}

ParameterLayout ParameterLayout::in_group(const std::string& group) const {
  std::vector<ParameterArray> arrays = arrays_;
  for (ParameterArray& array : arrays) array.path.insert(0, group + (array.path.starts_with('/') ? "" : "/"));
  return ParameterLayout(std::move(arrays));
}

std::string layer_group(std::size_t layer) {
  return fmt::format("/layer_{}", layer);
}

std::string to_text(const ParameterLayout& layout) {
  std::string text;
  for (const ParameterArray& array : layout) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", array.path, array.rows);
    if (array.columns > 1) text += fmt::format(" x {}", array.columns);
  }
  return text;
}

}  // namespace rbmpi
