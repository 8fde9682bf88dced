#include "app/data_findings.hpp"

#include <utility>

#include <fmt/format.h>

#include "app/terminal.hpp"
#include "rbmpi/data/row_weights.hpp"

namespace rbmpi {

void refuse_misreading(const NodeSamples& data, const std::filesystem::path& file) {
  for (const Finding& finding : data.findings()) {
    if (finding.severity != Severity::error) continue;
    throw AgreedError(Failure::file, fmt::format("'{}': {}", file.string(), finding.text));
  }
}

std::string weights_in_words(const Rows& rows) {
  const RowWeights weights = row_weights(rows);
  if (!weights.differ()) return {};
  return fmt::format(", weighted: as good as {:.6g} of equal weight", weights.effective_rows());
}

void refuse_weightless(const Rows& rows, const std::string& which, const std::string& right) {
  if (rows.rows == 0 || some_row_counts(rows)) return;
  throw Error(Failure::file,
              fmt::format("{} have weight 0 in '/weights', so that none counts; {} would be right", which, right));
}

std::string note_on_unused_weights(const NodeSamples& data) {
  if (!data.info().has_weights) return {};
  return "its rows have weights ('/weights'), which nets do not use: every row counts the same";
}

std::vector<std::string> notes_on(const NodeSamples& data) {
  std::vector<std::string> notes;
  for (const Finding& finding : data.findings()) {
    if (finding.severity == Severity::note) notes.push_back(finding.text);
  }
  return notes;
}

NodeSamples heeded(NodeSamples data, const std::filesystem::path& file, const Communicator& world) {
  refuse_misreading(data, file);
  if (world.is_root()) {
    for (const Finding& finding : data.findings()) {
      const bool of_learning = finding.kind == FindingKind::all_rows_equal;
      if (finding.severity == Severity::note && !of_learning)
        warn(fmt::format("'{}': {}", file.string(), finding.text));
    }
  }
  return data;
}

}  // namespace rbmpi
