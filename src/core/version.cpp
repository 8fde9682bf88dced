#include "rbmpi/core/version.hpp"

namespace rbmpi {

std::string version() {
  return RBMPI_VERSION;
}

}  // namespace rbmpi
