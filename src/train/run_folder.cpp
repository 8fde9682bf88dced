#include "rbmpi/train/run_folder.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <unistd.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/storage/atomic_file.hpp"

namespace rbmpi {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse(const fs::path& path, const std::string& why) {
  throw Error(Failure::file, fmt::format("cannot write the output folder '{}': {}", path.string(), why));
}

}  // namespace

void RunFolder::check() const {
  std::error_code ignored;
  for (const fs::path& file : {configuration(), metrics(), model()}) {
    if (fs::exists(file, ignored)) {
      throw Error(Failure::file,
                  fmt::format("the output folder '{}' holds another run (it has {}); name a new folder, or "
                              "move that one away",
                              path_.string(), file.filename().string()));
    }
  }
  // The nearest folder that exists has to take the others.
  fs::path nearest = fs::absolute(path_).lexically_normal();
  while (!fs::exists(nearest, ignored) && nearest.has_relative_path()) nearest = nearest.parent_path();
  if (!fs::is_directory(nearest, ignored)) refuse(path_, fmt::format("'{}' is no folder", nearest.string()));
  if (access(nearest.c_str(), W_OK | X_OK) != 0) {
    refuse(path_, fmt::format("'{}': {}", nearest.string(), std::strerror(errno)));
  }
}

void RunFolder::create(const std::string& configuration_text) const {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) refuse(path_, error.message());
  AtomicFile file(configuration());
  std::ofstream stream(file.temporary());
  stream << configuration_text;
  stream.close();
  if (!stream) refuse(path_, std::strerror(errno));
  file.commit();
}

void RunFolder::append_metrics(const std::string& line) const {
  std::ofstream stream(metrics(), std::ios::app);
  stream << line + "\n" << std::flush;
  if (!stream) {
    throw Error(Failure::file, fmt::format("cannot write '{}': {}", metrics().string(), std::strerror(errno)));
  }
}

}  // namespace rbmpi
