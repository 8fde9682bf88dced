#include "storage/read_account.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/memory.hpp"

namespace rbmpi {
namespace {

// What is read whole is parameters. Gzip shrinks weights 56 times if one in 100 is not zero, 230 times if one in 500;
// it takes zeros alone to come near 1032 times, the most that it can do. Small models may be all zeros.
constexpr std::uint64_t most_inflation = 250;
constexpr std::uint64_t always_allowed = std::uint64_t{256} << 20U;

std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
  return a + std::min(b, std::numeric_limits<std::uint64_t>::max() - a);
}

}  // namespace

ReadAccount::ReadAccount(std::filesystem::path file, std::uint64_t length, Reading reading)
    : file_(std::move(file)),
      length_(length),
      reading_(reading),
      available_(reading == Reading::whole ? available_memory() : 0) {}

void ReadAccount::add(const std::string& name, std::uint64_t stored_bytes, std::uint64_t memory_bytes) {
  if (!names_.insert(name).second) return;
  stored_bytes_ = sum(stored_bytes_, stored_bytes);
  memory_bytes_ = sum(memory_bytes_, memory_bytes);
  if (stored_bytes_ > length_) {
    throw Error(Failure::file,
                fmt::format("cannot read '{}': with '{}' its arrays and texts come to {}, but the file has only {}; do "
                            "several names lead to one object? Each with values of its own would be right",
                            file_.string(), name, human_bytes(stored_bytes_), human_bytes(length_)));
  }
  if (reading_ == Reading::in_pieces) return;
  if (memory_bytes_ > always_allowed && memory_bytes_ / most_inflation > length_) {
    throw Error(Failure::file,
                fmt::format("cannot read '{}': with '{}' its arrays take {}, more than {} times the {} of the file; "
                            "without compression it could be read",
                            file_.string(), name, human_bytes(memory_bytes_), most_inflation, human_bytes(length_)));
  }
  if (memory_bytes_ > available_) {
    throw Error(Failure::other,
                fmt::format("not enough memory to read '{}': with '{}' its arrays take {}, and only {} are available",
                            file_.string(), name, human_bytes(memory_bytes_), human_bytes(available_)));
  }
}

}  // namespace rbmpi
