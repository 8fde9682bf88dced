#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "rbmpi/data/dataset_file.hpp"

namespace rbmpi {

/// The names of the rows of a dataset, in their order, of which a block is in memory. They are read in child processes.
/// All of it is Local, for the root alone, and throws Error(Failure::file).
class RowNames {
 public:
  /// Looks at all of them; `info`: of the dataset, with so many rows as are used. Without names it has none.
  RowNames(std::filesystem::path data, const DatasetInfo& info);

  /// Whether rows have names.
  [[nodiscard]] bool there() const noexcept { return rows_ > 0; }
  /// Bytes of the longest one; 0 if there is none.
  [[nodiscard]] std::size_t longest() const noexcept { return longest_; }
  /// Of rows [first, first + count); none if rows have no names.
  [[nodiscard]] std::vector<std::string> of(std::uint64_t first, std::uint64_t count);

 private:
  void read_block(std::uint64_t first);

  std::filesystem::path data_;
  std::uint64_t rows_ = 0;
  std::size_t longest_ = 0;
  std::uint64_t first_ = 0;         // of the block
  std::vector<std::string> block_;  // that was read last
};

/// Local. A text as a field of CSV: in quotes if it has a comma, a quote or an end of a line.
[[nodiscard]] std::string csv_field(std::string_view text);

}  // namespace rbmpi
