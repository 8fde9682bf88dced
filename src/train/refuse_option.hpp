#pragma once

#include <string>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"

namespace rbmpi {

/// "epochs = 0: must be at least 1"
[[noreturn]] inline void refuse_option(const std::string& key, const std::string& value, const std::string& right) {
  throw Error(Failure::usage, fmt::format("{} = {}: {}", key, value, right));
}

}  // namespace rbmpi
