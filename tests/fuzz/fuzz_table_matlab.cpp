// Input: a MATLAB file of version 5, read as a table, along and across.

#include "fuzz/tables.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rbmpi;
  const std::filesystem::path path = fuzz::input_file("input.mat", {data, size});
  fuzz::read_table([&](const TableOptions& wishes) { return open_matlab(path, wishes); });
  return 0;
}
