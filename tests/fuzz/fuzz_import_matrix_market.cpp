// Input: a byte that chooses the options, then the file.

#include "fuzz/imported.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rbmpi::fuzz::import_sparse("matrix-market", {data, size});
  return 0;
}
