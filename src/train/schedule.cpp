#include "rbmpi/train/schedule.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/parse.hpp"

namespace rbmpi {
namespace {

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::uint64_t parse_epoch(const std::string& text) {
  std::uint64_t epoch = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), epoch);
  if (error != std::errc() || end != text.data() + text.size() || epoch == 0) {
    throw Error(Failure::usage, fmt::format("'{}' is no epoch (1, 2, ...)", text));
  }
  return epoch;
}

double parse_value(const std::string& text) {
  if (const std::optional<double> value = parse_number(text)) return *value;
  throw Error(Failure::usage, fmt::format("'{}' is no number", text));
}

Schedule::Step parse_step(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos) {
    throw Error(Failure::usage, fmt::format("'{}' has no epoch; write EPOCH:VALUE, as in 1:0.5, 6:0.9", text));
  }
  return {parse_epoch(trimmed(text.substr(0, colon))), parse_value(trimmed(text.substr(colon + 1)))};
}

}  // namespace

Schedule::Schedule(std::vector<Step> steps) : steps_(std::move(steps)) {
  if (steps_.empty() || steps_.front().from_epoch != 1) {
    throw Error(Failure::usage, "a schedule begins with epoch 1, as in 1:0.5, 6:0.9");
  }
  for (std::size_t i = 1; i < steps_.size(); ++i) {
    if (steps_[i].from_epoch <= steps_[i - 1].from_epoch) {
      throw Error(Failure::usage, fmt::format("epoch {} of the schedule does not come after epoch {}",
                                              steps_[i].from_epoch, steps_[i - 1].from_epoch));
    }
  }
}

Schedule Schedule::parse(const std::string& text) {
  if (text.find(':') == std::string::npos && text.find(',') == std::string::npos) return parse_value(trimmed(text));
  std::vector<Step> steps;
  for (std::size_t first = 0; first <= text.size();) {
    const std::size_t comma = std::min(text.find(',', first), text.size());
    steps.push_back(parse_step(trimmed(text.substr(first, comma - first))));
    first = comma + 1;
  }
  return Schedule(std::move(steps));
}

std::string Schedule::text() const {
  if (steps_.size() == 1) return fmt::format("{}", steps_.front().value);
  std::string text;
  for (const Step& step : steps_) {
    if (!text.empty()) text += ", ";
    text += fmt::format("{}:{}", step.from_epoch, step.value);
  }
  return text;
}

double Schedule::at(std::uint64_t epoch) const noexcept {
  double value = steps_.front().value;
  for (const Step& step : steps_) {
    if (step.from_epoch <= epoch) value = step.value;
  }
  return value;
}

double power(double base, std::uint64_t exponent) noexcept {
  double result = 1;
  for (; exponent > 0; exponent /= 2, base *= base) {
    if (exponent % 2 == 1) result *= base;
  }
  return result;
}

double learning_rate_at(const Schedule& learning_rate, double decay, std::uint64_t epoch) noexcept {
  return learning_rate.at(epoch) * power(decay, epoch - 1);
}

}  // namespace rbmpi
