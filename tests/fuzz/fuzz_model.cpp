// Input: an HDF5 file, read as a model.

#include "fuzz/contained.hpp"
#include "fuzz/model_promises.hpp"
#include "fuzz/support.hpp"
#include "rbmpi/storage/hdf5_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rbmpi;
  static const fuzz::Containment containment;
  const std::filesystem::path path = fuzz::input_file("input.h5", {data, size});
  (void)containment.accepted([&] { fuzz::check_model(read_model(Hdf5File::open(path))); });
  return 0;
}
