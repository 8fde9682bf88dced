// Input: an IDX file, plain or packed, read as a table.

#include "fuzz/tables.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rbmpi;
  const std::filesystem::path path = fuzz::input_file("input.idx", {data, size});
  fuzz::read_table([&](const TableOptions&) { return open_idx(path, std::nullopt); });
  return 0;
}
