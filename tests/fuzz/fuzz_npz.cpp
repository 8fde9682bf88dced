// Input: an .npz file, all of whose arrays are read. Its library is in this process: a crash of it is a finding as
// well.

#include <functional>
#include <numeric>

#include "fuzz/support.hpp"
#include "rbmpi/storage/npz_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rbmpi;
  const std::filesystem::path path = fuzz::input_file("input.npz", {data, size});
  (void)fuzz::accepted([&] {
    const NpzFile file(path);
    for (const std::string& name : file.names()) {
      (void)fuzz::accepted([&] {
        const NumpyArray array = file.read(name);
        fuzz::promise(array.shape.size() == 1 || array.shape.size() == 2, "an array has 1 or 2 dimensions");
        fuzz::promise(
            !array.values.empty() && array.values.size() == std::accumulate(array.shape.begin(), array.shape.end(),
                                                                            std::uint64_t{1}, std::multiplies<>()),
            "an array has as many values as its shape says");
      });
    }
  });
  return 0;
}
