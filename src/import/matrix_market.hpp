#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "rbmpi/import/table.hpp"

namespace rbmpi {

/// Local. Whether a text begins as the files of the Matrix Market do.
[[nodiscard]] bool is_matrix_market(std::string_view beginning);

/// Local. Holds the numbers of the whole matrix, whose rows lie in no order that is promised: coordinates as sparse
/// rows, an array, which goes column by column, as rows of numbers.
[[nodiscard]] std::unique_ptr<Table> open_matrix_market(const std::filesystem::path& path, const TableOptions& options);

}  // namespace rbmpi
