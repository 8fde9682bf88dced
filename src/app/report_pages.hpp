#pragma once

#include <cstddef>
#include <string>

#include "app/report_settings.hpp"
#include "rbmpi/report/run_summary.hpp"

namespace rbmpi {

// The pages of `rbmpi report`, as HTML. All are Local, and throw Error(Failure::file) for data or an evaluation that
// the settings name and that cannot be used; what else cannot be shown is said on the page.

/// Of one layer of RBMs, from 0. Throws Error(Failure::usage) if the run has not come so far, or is of a net.
[[nodiscard]] std::string layer_page(const ReportSettings& settings, const RunSummary& run, std::size_t number);
/// Of all layers of a stack.
[[nodiscard]] std::string stack_page(const ReportSettings& settings, const RunSummary& run);
/// Of a classifier or an autoencoder.
[[nodiscard]] std::string net_page(const ReportSettings& settings, const RunSummary& run);

}  // namespace rbmpi
