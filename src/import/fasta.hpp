#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "rbmpi/import/table.hpp"

namespace rbmpi {

/// Aligned sequences, FASTA: ">name" and lines of letters. Upper case and '-' are columns, lower case and '.'
/// insertions, which are left out, as aligners write them (a2m, a3m). A row has a colour for each column: the place of
/// its letter in the alphabet.
[[nodiscard]] bool is_fasta(std::string_view beginning);
[[nodiscard]] std::unique_ptr<Table> open_fasta(const std::filesystem::path& path, const TableOptions& options);

}  // namespace rbmpi
