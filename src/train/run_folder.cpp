#include "rbmpi/train/run_folder.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "rbmpi/core/error.hpp"

namespace rbmpi {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse(const fs::path& path, const std::string& why) {
  throw Error(Failure::file, fmt::format("cannot write the output folder '{}': {}", path.string(), why));
}

[[noreturn]] void holds_another_run(const fs::path& folder, const fs::path& file) {
  throw Error(Failure::file,
              fmt::format("the output folder '{}' holds another run (it has {}); name a new folder, or move "
                          "that one away",
                          folder.string(), file.filename().string()));
}

}  // namespace

void RunFolder::check() const {
  std::error_code ignored;
  for (const fs::path& file : {configuration(), metrics(), model()}) {
    if (fs::exists(file, ignored)) holds_another_run(path_, file);
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
  // Whoever makes this file has the folder: of two runs that begin at once, the system lets one do it.
  const int descriptor = open(configuration().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0 && errno == EEXIST) holds_another_run(path_, configuration());
  if (descriptor < 0) refuse(path_, std::strerror(errno));
  const ssize_t written = write(descriptor, configuration_text.data(), configuration_text.size());
  if (close(descriptor) != 0 || written != static_cast<ssize_t>(configuration_text.size())) {
    refuse(path_, written < 0 ? std::strerror(errno) : "the disk is full");
  }
}

void RunFolder::append_metrics(const std::string& line) const {
  std::ofstream stream(metrics(), std::ios::app);
  stream << line + "\n" << std::flush;
  if (!stream) {
    throw Error(Failure::file, fmt::format("cannot write '{}': {}", metrics().string(), std::strerror(errno)));
  }
}

}  // namespace rbmpi
