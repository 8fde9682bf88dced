#include "report/figures.hpp"

#include <cmath>

#include <fmt/format.h>

#include "rbmpi/core/parse.hpp"
#include "rbmpi/core/shell_word.hpp"
#include "rbmpi/report/html.hpp"

namespace rbmpi {

std::optional<LastFigure> last_figure(const std::vector<EpochFigures>& epochs, const std::string& key) {
  const std::vector<LineChart::Point> points = points_of(epochs, key);
  if (points.empty()) return std::nullopt;
  return LastFigure{.epoch = points.back().x, .value = points.back().y};
}

std::vector<LineChart::Point> points_of(const std::vector<EpochFigures>& epochs, const std::string& key,
                                        const std::string& error_key) {
  std::vector<LineChart::Point> points;
  for (const EpochFigures& epoch : epochs) {
    const auto found = epoch.find(key);
    if (found == epoch.end() || !std::isfinite(found->second)) continue;
    const auto error = epoch.find(error_key);
    points.push_back({.x = epoch.at("epoch"),
                      .y = found->second,
                      .error = error == epoch.end() || !std::isfinite(error->second) ? 0 : error->second});
  }
  return points;
}

const EpochFigures* best_epoch(const RunSummary& run) {
  const std::string key = run.kind == RunKind::classifier ? "validation_error" : "validation_squared_error";
  const auto kept = run.provenance.find("epoch");
  const std::optional<double> number = kept == run.provenance.end() ? std::nullopt : parse_number(kept->second);
  const EpochFigures* best = nullptr;
  for (const EpochFigures& epoch : run.epochs) {
    if (!epoch.contains(key)) continue;
    if (number && epoch.at("epoch") == *number) return &epoch;
    if (best == nullptr || epoch.at(key) < best->at(key)) best = &epoch;
  }
  return best;
}

std::string fine_percent_text(double share) {
  return fmt::format("{:.2f} %", share * 100);
}

std::vector<LineChart::Point> free_energy_gaps(const std::vector<EpochFigures>& epochs) {
  std::vector<LineChart::Point> gaps = points_of(epochs, "free_energy_gap", "free_energy_gap_standard_error");
  if (!gaps.empty()) return gaps;
  // Runs made before there was that key.
  for (const EpochFigures& epoch : epochs) {
    const auto validation = epoch.find("validation_free_energy");
    const auto training = epoch.find("training_free_energy");
    if (validation == epoch.end() || training == epoch.end()) continue;
    const double gap = validation->second - training->second;
    if (std::isfinite(gap)) gaps.push_back({.x = epoch.at("epoch"), .y = gap});
  }
  return gaps;
}

std::string repeating_command(const RunSummary& run) {
  const std::filesystem::path configuration = std::filesystem::absolute(run.folder / "config.ini").lexically_normal();
  return fmt::format("rbmpi {} --config {} --output again", run.is_net() ? "finetune" : "train",
                     shell_word(configuration.string()));
}

std::string when_text(const std::string& iso) {
  std::string text = iso;
  if (text.size() != 20 || text[10] != 'T' || text.back() != 'Z') return escape(iso);
  text[10] = ' ';
  text.replace(19, 1, " UTC");
  return escape(text);
}

std::string layout_text(const JobRecord& job) {
  const auto count = [](int number, std::string_view what) {
    return count_text(static_cast<std::uint64_t>(std::max(0, number)), what);
  };
  return fmt::format("{}, {}, {} each", count(job.nodes, "node"), count(job.ranks, "rank"),
                     count(job.threads, "thread"));
}

}  // namespace rbmpi
