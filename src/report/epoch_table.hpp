#pragma once

#include <string>
#include <vector>

#include "rbmpi/report/run_summary.hpp"

namespace rbmpi {

/// Local. All numbers of these epochs as a table, with some epochs left out where there are many. `of`: words behind
/// its caption, or nothing.
[[nodiscard]] std::string table_of(const std::vector<EpochFigures>& epochs, const std::string& of = {});

}  // namespace rbmpi
