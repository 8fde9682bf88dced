#pragma once

#include <cstdint>
#include <functional>

#include "import/field_reader.hpp"
#include "import/plan.hpp"
#include "rbmpi/import/import.hpp"
#include "rbmpi/import/table.hpp"

namespace rbmpi {

/// Local. Reads all rows and writes those of the dataset to `output` as planned; gives how many there are. Throws
/// Error(Failure::file) if the file is no longer what it was when it was examined; `check_version` may see that too.
std::uint64_t write_rows(const ImportOptions& options, Table& table, const ImportPlan& plan, const FieldReader& reader,
                         const std::function<void()>& check_version, const AtomicFile& output);

}  // namespace rbmpi
