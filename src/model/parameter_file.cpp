#include "rbmpi/model/parameter_file.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rbmpi/core/liveness.hpp"

namespace rbmpi {
namespace {

std::vector<std::uint64_t> dimensions_of(const ParameterArray& array) {
  if (array.is_matrix || array.columns > 1) return {array.rows, array.columns};
  return {array.rows};
}

void check_array(const Hdf5File& file, const ParameterArray& array) {
  if (!file.exists(array.path)) refuse(file, fmt::format("is not whole: '{}' is missing", array.path));
  const ArrayInfo info = file.array_info(array.path);
  if (info.type == ElementType::float32 && info.dimensions == dimensions_of(array)) return;
  refuse(file, fmt::format("has '{}' as {} [{}]; float32 [{}] would be right", array.path, info.type_name,
                           fmt::join(info.dimensions, " x "), fmt::join(dimensions_of(array), " x ")));
}

void make_groups(Hdf5File& file, const std::string& path) {
  for (std::size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
    const std::string group = path.substr(0, end);
    if (!file.exists(group)) file.create_group(group);
  }
}

/// Whether an array is of this type and these dimensions, with just these bytes.
bool holds_array(const Hdf5File& file, const std::string& name, ElementType type,
                 const std::vector<std::uint64_t>& dimensions, const void* values) {
  const ArrayInfo info = file.array_info(name);
  if (info.type != type || info.dimensions != dimensions) return false;
  const std::uint64_t rows = dimensions.front();
  const std::uint64_t row_bytes = element_size(type) * (dimensions.size() > 1 ? dimensions[1] : 1);
  if (rows * row_bytes == 0) return true;
  // In pieces: a second copy of all might not fit the memory.
  const std::uint64_t rows_at_once = std::max<std::uint64_t>(1, (std::uint64_t{1} << 20U) / row_bytes);
  std::vector<std::byte> piece(std::min(rows, rows_at_once) * row_bytes);
  for (std::uint64_t first = 0; first < rows; first += rows_at_once) {
    const std::uint64_t count = std::min(rows_at_once, rows - first);
    file.read_rows(name, type, first, count, piece.data());
    still_at_work();
    const std::byte* const expected = static_cast<const std::byte*>(values) + first * row_bytes;
    if (std::memcmp(piece.data(), expected, count * row_bytes) != 0) return false;
  }
  return true;
}

}  // namespace

void check_parameters(const Hdf5File& file, const ParameterLayout& layout) {
  for (const ParameterArray& array : layout) check_array(file, array);
}

void read_parameters(const Hdf5File& file, const ParameterLayout& layout, std::span<Real> values) {
  for (std::size_t i = 0; i < layout.count(); ++i) {
    const ParameterArray& array = layout[i];
    check_array(file, array);
    const std::span<Real> of_array = values.subspan(layout.offset(i), array.size());
    file.read_rows(array.path, ElementType::float32, 0, array.rows, of_array.data());
    if (!std::ranges::all_of(of_array, [](Real value) { return std::isfinite(value); })) {
      refuse(file, fmt::format("has a value in '{}' that is not finite", array.path));
    }
  }
}

void write_parameters(Hdf5File& file, const ParameterLayout& layout, std::span<const Real> values) {
  for (std::size_t i = 0; i < layout.count(); ++i) {
    const ParameterArray& array = layout[i];
    make_groups(file, array.path);
    file.create_array(array.path, ElementType::float32, dimensions_of(array));
    file.write_rows(array.path, ElementType::float32, 0, array.rows, values.data() + layout.offset(i));
  }
}

bool holds_parameters(const Hdf5File& file, const ParameterLayout& layout, std::span<const Real> values) {
  for (std::size_t i = 0; i < layout.count(); ++i) {
    const ParameterArray& array = layout[i];
    const Real* const expected = values.data() + layout.offset(i);
    if (!holds_array(file, array.path, ElementType::float32, dimensions_of(array), expected)) return false;
  }
  return true;
}

bool holds_rows(const Hdf5File& file, const std::string& name, ElementType type, std::uint64_t rows,
                std::uint64_t columns, const void* values) {
  return holds_array(file, name, type, {rows, columns}, values);
}

}  // namespace rbmpi
