#include "rbmpi/train/snapshot_schedule.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"

namespace rbmpi {
namespace {

constexpr std::uint64_t most_snapshots = 100000;

}  // namespace

SnapshotSchedule SnapshotSchedule::parse(const std::string& text) {
  SnapshotSchedule schedule;
  if (text == "none") return schedule;
  const std::size_t colon = text.find(':');
  const std::string_view kind = std::string_view(text).substr(0, colon);
  if (kind == "linear") schedule.kind_ = Kind::linear;
  if (kind == "log") schedule.kind_ = Kind::logarithmic;
  const char* const end = text.data() + text.size();
  const char* const begin = colon == std::string::npos ? end : text.data() + colon + 1;
  const auto [last, error] = std::from_chars(begin, end, schedule.count_);
  if (schedule.kind_ == Kind::none || error != std::errc() || last != end || schedule.count_ == 0 ||
      schedule.count_ > most_snapshots) {
    throw Error(Failure::usage, fmt::format("must be none, linear:N or log:N, with N from 1 to {}", most_snapshots));
  }
  return schedule;
}

std::string SnapshotSchedule::text() const {
  if (kind_ == Kind::none) return "none";
  return fmt::format("{}:{}", kind_ == Kind::linear ? "linear" : "log", count_);
}

std::vector<std::uint64_t> SnapshotSchedule::steps(std::uint64_t total) const {
  std::vector<std::uint64_t> steps;
  if (kind_ == Kind::none || total == 0) return steps;
  const auto last = static_cast<double>(total);
  for (std::uint64_t i = 1; i <= count_; ++i) {
    const double share = static_cast<double>(kind_ == Kind::linear ? i : i - 1) /
                         static_cast<double>(kind_ == Kind::linear || count_ == 1 ? count_ : count_ - 1);
    const double step = kind_ == Kind::linear ? last * share : std::pow(last, share);
    steps.push_back(std::clamp<std::uint64_t>(static_cast<std::uint64_t>(std::llround(step)), 1, total));
  }
  if (count_ == 1) steps.back() = total;
  steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
  return steps;
}

}  // namespace rbmpi
