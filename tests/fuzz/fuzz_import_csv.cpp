// Input: three bytes that choose the options, then the file.

#include <array>
#include <optional>
#include <string>

#include "fuzz/imported.hpp"
#include "rbmpi/import/import.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rbmpi;
  static const std::array<std::string, 4> label_columns = {"", "last", "none", "label"};
  static const std::array<std::optional<double>, 4> scales = {std::nullopt, 1.0, 255.0, 1e30};
  static const std::array<std::optional<ElementType>, 4> types = {std::nullopt, ElementType::uint8,
                                                                  ElementType::float32, ElementType::float64};
  static const std::array<std::optional<bool>, 4> headers = {std::nullopt, true, false, std::nullopt};
  static const std::array<std::optional<char>, 8> separators = {std::nullopt, ',',  ' ',          ';',
                                                                '\0',         '\t', std::nullopt, std::nullopt};
  static const std::array<std::string, 4> lists = {"", "1", "2-3", "a,last"};
  static const std::array<MissingValues, 4> missing = {MissingValues::refused, MissingValues::zero,
                                                       MissingValues::drop_row, MissingValues::mean};
  fuzz::Bytes input(data, size);
  std::uint64_t choice = fuzz::take_number(input, 3);
  const auto take = [&](std::uint64_t kinds) {
    const std::uint64_t one = choice % kinds;
    choice /= kinds;
    return one;
  };
  ImportOptions options;
  options.file = fuzz::input_file("input.csv", input);
  options.output = fuzz::folder() / "imported.h5";
  options.table.format = "csv";
  options.label_column = label_columns.at(take(4));
  options.scale = scales.at(take(4));
  options.type = types.at(take(4));
  options.table.header = headers.at(take(4));
  options.table.separator = separators.at(take(8));
  options.columns = lists.at(take(4));
  options.drop = lists.at(take(4));
  options.name_column = lists.at(take(2));
  options.missing = missing.at(take(4));
  if (take(2) == 1) options.shape = {2, 2};
  if (take(2) == 1) options.replaced = {{"-1", 0.0}, {"a", 1.0}};
  if (take(2) == 1) options.sparse = true;
  ImportResult result;
  if (fuzz::accepted([&] { result = import_file(options); })) fuzz::check_imported(options.output, result.info);
  return 0;
}
