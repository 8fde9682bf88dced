#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/report_settings.hpp"
#include "rbmpi/report/model_figures.hpp"
#include "rbmpi/report/run_summary.hpp"

namespace rbmpi {

/// The rows that a page looks at, or why there are none.
struct FoundData {
  std::optional<DataRows> rows;
  std::string name = "row";  ///< "validation row": what they are
  std::string problem;

  /// What the page says of the problem, as HTML; empty if there is none.
  [[nodiscard]] std::string note() const;
};

// Everything is Local. Data that cannot be read are a problem of the page, and an Error(Failure::file) if the settings
// name them.

/// Rows of the data that a stack was trained on.
[[nodiscard]] FoundData find_training_rows(const ReportSettings& settings, const RunSummary& run);
/// Rows that a net was validated on, or else trained on.
[[nodiscard]] FoundData find_net_rows(const ReportSettings& settings, const RunSummary& run);

/// The rows as the layer above `layers` sees them: their features, and units for the labels if there are `classes`.
/// Throws Error(Failure::file) for rows without a label, or with another one.
[[nodiscard]] DataRows features_of(std::span<const Rbm> layers, const std::vector<std::int32_t>& classes,
                                   DataRows data);

/// Some rows from all over the data; all if they are fewer.
[[nodiscard]] DataRows spread_rows(const DataRows& data, std::size_t count);

/// "Run digits", after the folder.
[[nodiscard]] std::string page_title(const RunSummary& run);

/// The first columns of rows.
[[nodiscard]] AlignedBuffer<Real> columns_of(ConstMatrixView rows, std::size_t columns);

/// {height, width} of the rows of data, or of those that the model was trained on, of so many columns; empty if they
/// are no pictures.
[[nodiscard]] std::vector<std::uint64_t> picture_to_show(const RunSummary& run, const FoundData& data,
                                                         std::size_t columns);

/// Does some work on the rows. If it throws an Error, its words are the problem of the page, unless the settings name
/// the data.
void or_problem(const ReportSettings& settings, FoundData& data, const std::function<void()>& work);

}  // namespace rbmpi
