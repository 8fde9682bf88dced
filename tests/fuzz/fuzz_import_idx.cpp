// Input: the length of the labels' file (2 bytes, low byte first; 0: no labels), that file, the images' file.

#include <optional>

#include "fuzz/imported.hpp"
#include "rbmpi/data/import.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rbmpi;
  fuzz::Bytes input(data, size);
  const std::uint64_t labels_length = fuzz::take_number(input, 2);
  const fuzz::MemoryFile labels(fuzz::take(input, labels_length));
  const fuzz::MemoryFile images(input);
  IdxImport import{.images = images.path(), .labels = {}, .output = fuzz::output_path(), .source = {}};
  if (labels_length > 0) import.labels = labels.path();
  ImportResult result;
  if (fuzz::accepted([&] { result = import_idx(import); })) fuzz::check_imported(import.output, result.info);
  return 0;
}
