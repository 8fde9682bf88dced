#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rbmpi {

/// Local. Some of the visible units, as a user names them:
///   rows:0-13  columns:7  units:100-199    of pictures {height, width}, or of any data; counted from 0
///   rows:0-13,columns:0-13                 where all of them hold: a rectangle
///   FILE                                   a dataset of one row: the units whose value is more than half of the scale
/// Throws Error(Failure::usage) that says what would be right, and Error(Failure::file) for a file that is no such
/// mask.
[[nodiscard]] std::vector<bool> select_units(const std::string& text, std::size_t units,
                                             const std::vector<std::uint64_t>& picture);

}  // namespace rbmpi
