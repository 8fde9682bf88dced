#include "app/unit_selection.hpp"

#include <charconv>
#include <string_view>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/core/shell_word.hpp"
#include "rbmpi/data/data_look.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/data/samples.hpp"
#include "rbmpi/storage/contained_read.hpp"

namespace rbmpi {
namespace {

struct Range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

/// One way to name units: its word, and the number that a unit has by it.
struct Coordinate {
  std::string_view word;
  bool of_pictures;
  std::uint64_t (*of)(std::uint64_t unit, std::uint64_t width);
  std::uint64_t (*end)(std::uint64_t units, std::uint64_t width);
};
constexpr Coordinate coordinates[] = {
    {"rows", true, [](std::uint64_t unit, std::uint64_t width) { return unit / width; },
     [](std::uint64_t units, std::uint64_t width) { return units / width; }},
    {"columns", true, [](std::uint64_t unit, std::uint64_t width) { return unit % width; },
     [](std::uint64_t, std::uint64_t width) { return width; }},
    {"units", false, [](std::uint64_t unit, std::uint64_t) { return unit; },
     [](std::uint64_t units, std::uint64_t) { return units; }},
};

const Coordinate* coordinate_of(std::string_view part) {
  const std::string_view word = part.substr(0, part.find(':'));
  if (word.size() == part.size()) return nullptr;
  for (const Coordinate& coordinate : coordinates) {
    if (word == coordinate.word) return &coordinate;
  }
  return nullptr;
}

/// "3" or "3-5", within [0, end).
Range parse_range(std::string_view text, std::string_view word, std::uint64_t end) {
  Range range;
  const char* const stop = text.data() + text.size();
  auto [place, problem] = std::from_chars(text.data(), stop, range.first);
  range.last = range.first;
  if (problem == std::errc() && place != stop && *place == '-') {
    const auto second = std::from_chars(place + 1, stop, range.last);
    place = second.ptr;
    problem = second.ec;
  }
  if (problem != std::errc() || place != stop || range.first > range.last || range.last >= end) {
    throw Error(Failure::usage, fmt::format("'{}:{}' names no {}; they are counted from 0 to {}, as in {}:0-{}", word,
                                            text, word, end - 1, word, (end - 1) / 2));
  }
  return range;
}

std::vector<bool> read_mask(const std::string& path, std::size_t units) {
  const std::string mask = read_in_child(path, [&] {
    const DatasetReader reader(path);
    const DatasetInfo& info = reader.info();
    if (info.rows != 1 || info.columns != units) {
      throw Error(Failure::file, fmt::format("'{}' has {} x {}; one row of {} would say which units are "
                                             "meant (or rows:0-13, columns:0-13, units:0-391)",
                                             path, plural(info.rows, "row"), plural(info.columns, "column"), units));
    }
    std::vector<std::byte> values(units * element_size(info.type));
    reader.read_samples(0, 1, values.data());
    const Samples row{info.type, values.data(), 1, units, info.scale};
    DataLook look(units);
    look.add(row);
    if (scale_is_unsaid(look, info)) {
      throw Error(Failure::file,
                  fmt::format("its largest value is {0} (uint8), and nothing in it says whether {0} or {1} means 1.0: "
                              "rbmpi import {2} --scale {0} --output NEW.h5 makes a file that does",
                              look.largest(), info.scale, shell_word(path)));
    }
    std::vector<Real> shares(units);
    row_probabilities(row, values.data(), {.exact = false, .grid = {}}, shares.data());
    std::string bits;
    for (const Real share : shares) bits += share > Real{0.5} ? '1' : '0';
    return bits;
  });
  std::vector<bool> selected(units);
  for (std::size_t i = 0; i < units; ++i) selected[i] = mask.at(i) == '1';
  return selected;
}

}  // namespace

std::vector<bool> select_units(const std::string& text, std::size_t units, const std::vector<std::uint64_t>& picture) {
  if (coordinate_of(text) == nullptr) return read_mask(text, units);
  std::vector<bool> selected(units, true);
  std::string_view rest = text;
  for (bool more = true; more;) {
    const std::size_t comma = rest.find(',');
    const std::string_view part = rest.substr(0, comma);
    more = comma != std::string_view::npos;
    if (more) rest.remove_prefix(comma + 1);
    const Coordinate* const coordinate = coordinate_of(part);
    if (coordinate == nullptr) {
      throw Error(Failure::usage, fmt::format("'{}' should begin with rows:, columns: or units:", part));
    }
    if (coordinate->of_pictures && picture.empty()) {
      throw Error(Failure::usage, fmt::format("'{}' wants pictures; --picture HxW says their height and width", part));
    }
    const std::uint64_t width = picture.empty() ? 1 : picture[1];
    const Range range =
        parse_range(part.substr(coordinate->word.size() + 1), coordinate->word, coordinate->end(units, width));
    for (std::size_t unit = 0; unit < units; ++unit) {
      const std::uint64_t number = coordinate->of(unit, width);
      if (number < range.first || number > range.last) selected[unit] = false;
    }
  }
  return selected;
}

}  // namespace rbmpi
