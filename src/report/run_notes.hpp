#pragma once

#include <string>

#include "rbmpi/report/run_summary.hpp"

namespace rbmpi {

/// A paragraph that stands out; `html` is HTML.
[[nodiscard]] std::string note(const std::string& html);

/// What a reader has to know of a run that is not finished, has diverged, or whose models cannot be used, as HTML for
/// the head of the page; empty if all is well.
[[nodiscard]] std::string state_notes(const RunSummary& run);

}  // namespace rbmpi
