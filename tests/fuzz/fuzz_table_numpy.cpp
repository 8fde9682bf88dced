// Input: an .npy or .npz file, read as a table, along and across.

#include "fuzz/tables.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rbmpi;
  const std::filesystem::path path = fuzz::input_file("input", {data, size});
  const bool archive = is_npz({reinterpret_cast<const char*>(data), size});
  fuzz::read_table(
      [&](const TableOptions& wishes) { return archive ? open_npz(path, wishes) : open_npy(path, wishes); });
  return 0;
}
