// Input: a byte that chooses the options, then the file.

#include <optional>

#include "fuzz/imported.hpp"
#include "rbmpi/import/import.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rbmpi;
  fuzz::Bytes input(data, size);
  const std::uint64_t choice = fuzz::take_number(input, 1);
  ImportOptions options;
  options.file = fuzz::input_file("input.txt", input);
  options.output = fuzz::folder() / "imported.h5";
  options.table.format = "libsvm";
  if ((choice & 1U) != 0) options.scale = 1e30;
  if ((choice & 2U) != 0) options.missing = MissingValues::drop_row;
  if ((choice & 4U) != 0) options.drop = "2";
  if ((choice & 8U) != 0) options.sparse = true;
  if ((choice & 16U) != 0) options.label_column = "none";
  ImportResult result;
  if (fuzz::accepted([&] { result = import_file(options); })) fuzz::check_imported(options.output, result.info);
  return 0;
}
