// Input: the length of the labels' file (2 bytes, low byte first; 0: no labels), that file, the images' file.

#include "fuzz/imported.hpp"
#include "rbmpi/import/import.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rbmpi;
  fuzz::Bytes input(data, size);
  const std::uint64_t labels_length = fuzz::take_number(input, 2);
  ImportOptions options;
  options.table.format = "idx";
  if (labels_length > 0) options.table.labels = fuzz::input_file("labels.idx", fuzz::take(input, labels_length));
  options.file = fuzz::input_file("images.idx", input);
  options.output = fuzz::folder() / "imported.h5";
  ImportResult result;
  if (fuzz::accepted([&] { result = import_file(options); })) fuzz::check_imported(options.output, result.info);
  return 0;
}
