#include "rbmpi/core/system.hpp"

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <unistd.h>

namespace rbmpi {

Descriptor::Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  Descriptor moved(std::move(other));
  std::swap(number_, moved.number_);
  return *this;
}

void Descriptor::close() noexcept {
  if (number_ >= 0) ::close(release());
}

std::string error_text(int error_number) {
  if (error_number == EFBIG) return "file too large: a limit (ulimit -f) or quota";
  return std::generic_category().message(error_number);
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

}  // namespace rbmpi
