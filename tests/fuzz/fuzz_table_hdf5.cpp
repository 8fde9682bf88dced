// Input: an HDF5 file of others, read as a table, along and across.

#include "fuzz/contained.hpp"
#include "fuzz/tables.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rbmpi;
  static const fuzz::Containment containment;
  const std::filesystem::path path = fuzz::input_file("input.h5", {data, size});
  (void)containment.accepted(
      [&] { fuzz::read_table([&](const TableOptions& wishes) { return open_hdf5(path, wishes); }); });
  return 0;
}
