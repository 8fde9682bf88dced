#pragma once

#include <string>

namespace rbmpi {

/// The version of this library, such as "0.1.0".
[[nodiscard]] std::string version();

}  // namespace rbmpi
