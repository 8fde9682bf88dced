#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "import/columns.hpp"
#include "import/examine.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/import/import.hpp"
#include "rbmpi/import/table.hpp"

namespace rbmpi {

/// How the rows of a table become those of a dataset.
struct ImportPlan {
  DatasetInfo info;
  ColumnUses uses;
  std::vector<std::size_t> values;  ///< the columns that are values; empty: all, of a sparse table
  bool all_values = false;          ///< all columns are values
  std::vector<double> means;        ///< of these, if what is missing becomes the mean
  bool spins = false;               ///< -1 becomes 0
  std::map<std::string, std::int32_t, std::less<>>
      classes;                       ///< what the texts of labels become; empty: labels are numbers
  bool signs = false;                ///< labels -1 and +1 become 0 and 1
  std::vector<std::string> columns;  ///< what became of the columns, for people
  std::vector<std::string> notes;
};

/// Local. Decides what options leave open. Throws Error(Failure::file) for tables that cannot be used,
/// Error(Failure::usage) where an option has to say what is meant.
[[nodiscard]] ImportPlan import_plan(const ImportOptions& options, const TableInfo& info, const ColumnUses& uses,
                                     const Findings& findings);

}  // namespace rbmpi
