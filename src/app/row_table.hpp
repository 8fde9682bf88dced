#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/row_names.hpp"
#include "rbmpi/evaluate/data_scores.hpp"
#include "rbmpi/evaluate/log_z.hpp"

namespace rbmpi {

// The table of the figures of rows that `rbmpi evaluate --rows FILE` makes: CSV, or a dataset (docs/formats.md).

/// Local. Whether the name of a file ends as that of a table does: .csv, .h5 or .hdf5.
[[nodiscard]] bool names_row_table(const std::filesystem::path& file);
/// Local. Whether it is a table in a dataset.
[[nodiscard]] bool names_hdf5_table(const std::filesystem::path& file);

struct RowTable {
  std::span<const RowScores> rows;
  const std::int32_t* labels = nullptr;  ///< of each row, or nothing
  std::vector<std::string> class_names;  ///< of the labels, or none
  RowNames* names = nullptr;             ///< of the rows
  bool pseudo_likelihood = true;         ///< whether the units have one
  const FoundLogZ* log_z = nullptr;      ///< if it was found
  std::string source;                    ///< of what model and data the figures are, in words
};

/// Local. Throws Error(Failure::file) if no file of that name can be made: before all the work for it.
void try_row_table(const std::filesystem::path& file);
/// Local. Writes it; an old file of that name is replaced when all of the new one is there. Throws
/// Error(Failure::file).
void write_row_table(const std::filesystem::path& file, const RowTable& table);

}  // namespace rbmpi
