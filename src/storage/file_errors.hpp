#pragma once

#include <filesystem>
#include <string>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"

namespace rbmpi {

/// `doing` is "read" or "write".
[[noreturn]] inline void fail_to(const char* doing, const std::filesystem::path& path, const std::string& why) {
  throw Error(Failure::file, fmt::format("cannot {} '{}': {}", doing, path.string(), why));
}
[[noreturn]] inline void fail_to_read(const std::filesystem::path& path, const std::string& why) {
  fail_to("read", path, why);
}
[[noreturn]] inline void fail_to_write(const std::filesystem::path& path, const std::string& why) {
  fail_to("write", path, why);
}

}  // namespace rbmpi
