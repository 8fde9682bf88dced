// Input: a byte that chooses the options, then the file.

#include "fuzz/imported.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rbmpi;
  fuzz::Bytes input(data, size);
  const std::uint64_t choice = fuzz::take_number(input, 1);
  ImportOptions options;
  options.file = fuzz::input_file("input.fasta", input);
  options.output = fuzz::folder() / "imported.h5";
  options.table.format = "fasta";
  if ((choice & 1U) != 0) options.table.unknown_letters = UnknownLetters::drop_row;
  if ((choice & 2U) != 0) options.table.alphabet = "rna";
  if ((choice & 4U) != 0) options.table.alphabet = "HP";
  if ((choice & 8U) != 0) options.columns = "1-2";
  ImportResult result;
  if (fuzz::accepted([&] { result = import_file(options); })) fuzz::check_imported(options.output, result.info);
  return 0;
}
