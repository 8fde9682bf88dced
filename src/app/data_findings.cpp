#include "app/data_findings.hpp"

#include <utility>

#include <fmt/format.h>

#include "app/terminal.hpp"

namespace rbmpi {

void refuse_misreading(const NodeSamples& data, const std::filesystem::path& file) {
  for (const Finding& finding : data.findings()) {
    if (finding.severity != Severity::error) continue;
    throw AgreedError(Failure::file, fmt::format("'{}': {}", file.string(), finding.text));
  }
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
