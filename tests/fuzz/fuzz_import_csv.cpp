// Input: two bytes that choose the options, then the file.

#include <array>

#include "fuzz/imported.hpp"
#include "rbmpi/import/import.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rbmpi;
  static const std::array<std::string, 4> label_columns = {"", "last", "1", "label"};
  static const std::array<std::optional<double>, 4> scales = {std::nullopt, 1.0, 255.0, 1e30};
  static const std::array<std::optional<ElementType>, 4> types = {std::nullopt, ElementType::uint8,
                                                                  ElementType::float32, ElementType::float64};
  fuzz::Bytes input(data, size);
  const std::uint64_t choice = fuzz::take_number(input, 2);
  CsvImport import;
  import.csv = fuzz::input_file("input.csv", input);
  import.output = fuzz::folder() / "imported.h5";
  import.label_column = label_columns.at(choice & 3U);
  import.scale = scales.at(choice >> 2U & 3U);
  import.type = types.at(choice >> 4U & 3U);
  import.header = (choice >> 6U & 1U) == 0;
  if ((choice >> 7U & 1U) != 0) import.picture = {choice >> 8U & 15U, choice >> 12U};
  ImportResult result;
  if (fuzz::accepted([&] { result = import_csv(import); })) fuzz::check_imported(import.output, result.info);
  return 0;
}
