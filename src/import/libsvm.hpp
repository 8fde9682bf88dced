#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "rbmpi/import/table.hpp"

namespace rbmpi {

/// Local. Whether a text begins as files of LIBSVM and svmlight do: "label index:value index:value".
[[nodiscard]] bool is_libsvm(std::string_view beginning);

/// Local. Reads the file once, to find out how many columns there are and whether their numbers begin with 0 or 1.
[[nodiscard]] std::unique_ptr<Table> open_libsvm(const std::filesystem::path& path, const TableOptions& options);

}  // namespace rbmpi
