#include "rbmpi/model/unit.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rbmpi/core/error.hpp"

namespace rbmpi {
namespace {

std::vector<const UnitEntry*>& table() {
  static std::vector<const UnitEntry*> entries = {&bernoulli_unit};
  return entries;
}

bool answers_everything(const UnitEntry& entry) {
  return !entry.name.empty() && !entry.parameters.empty() && entry.energy != nullptr && entry.sum_out != nullptr &&
         entry.mean != nullptr && entry.draw != nullptr && entry.draw_data != nullptr &&
         entry.add_statistics != nullptr && entry.start != nullptr && (!entry.logistic || entry.bits != nullptr);
}

}  // namespace

std::span<const UnitEntry* const> units() noexcept {
  return table();
}

const UnitEntry* find_unit(std::string_view name) noexcept {
  const auto found = std::ranges::find(units(), name, &UnitEntry::name);
  return found == units().end() ? nullptr : *found;
}

const UnitEntry& unit(std::string_view name) {
  if (const UnitEntry* const found = find_unit(name)) return *found;
  throw Error(Failure::usage, fmt::format("there are no units '{}'; this program knows {}", name, unit_names()));
}

std::string unit_names() {
  std::vector<std::string_view> names;
  for (const UnitEntry* const entry : units()) names.push_back(entry->name);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string states_in_words(const UnitEntry& entry) {
  if (entry.values.empty()) return "states";
  if (std::ranges::equal(entry.values, std::array{0.0, 1.0})) return "zeros and ones";
  return fmt::format("states of {}", fmt::join(entry.values, ", "));
}

void add_unit(const UnitEntry& entry) {
  if (!answers_everything(entry)) {
    throw Error(Failure::usage, fmt::format("units '{}' do not answer everything that units must", entry.name));
  }
  if (find_unit(entry.name) != nullptr) {
    throw Error(Failure::usage, fmt::format("there are units '{}' already", entry.name));
  }
  table().push_back(&entry);
}

double sum_out(double energy, const UnitRow& units, const Real* fields, double inverse_temperature) noexcept {
  std::array<double, 256> scaled{};
  for (std::size_t first = 0; first < units.count; first += scaled.size()) {
    const std::size_t some = std::min(scaled.size(), units.count - first);
    for (std::size_t i = 0; i < some; ++i) scaled[i] = inverse_temperature * double{fields[first + i]};
    energy = units.unit->sum_out(energy, units.part(first, some), scaled.data());
  }
  return energy;
}

}  // namespace rbmpi
