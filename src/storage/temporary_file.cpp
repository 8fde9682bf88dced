#include "rbmpi/storage/temporary_file.hpp"

#include <cerrno>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_to_copy(const fs::path& name, const std::string& folder, int error_number) {
  throw Error(Failure::file,
              fmt::format("cannot copy '{}' into a temporary file in '{}': {}; the environment variable TMPDIR names "
                          "another folder",
                          name.string(), folder, error_text(error_number)));
}

std::string temporary_folder() {
  const char* const chosen = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): nothing sets the environment
  return chosen != nullptr && *chosen != '\0' ? chosen : "/tmp";
}

Descriptor make_file(const std::string& folder) {
  Descriptor file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file.number() >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) return file;
  // A file system, such as that of a network, where a file has to have a name at first.
  std::string name = folder + "/rbmpi-XXXXXX";
  file = Descriptor(::mkostemp(name.data(), O_CLOEXEC));
  if (file.number() >= 0) ::unlink(name.c_str());
  return file;
}

}  // namespace

Descriptor temporary_copy(const fs::path& name, const ReadBytes& read) {
  const std::string folder = temporary_folder();
  Descriptor file = make_file(folder);
  if (file.number() < 0) fail_to_copy(name, folder, errno);
  std::vector<std::byte> block(std::size_t{1} << 20U);
  for (;;) {
    throw_if_stopped("copying a file to read it");
    const std::size_t count = read(block);
    for (std::size_t done = 0; done < count;) {
      const ssize_t some = ::write(file.number(), block.data() + done, count - done);
      if (some < 0 && errno == EINTR) continue;
      if (some < 0) fail_to_copy(name, folder, errno);
      done += static_cast<std::size_t>(some);
    }
    if (count < block.size()) break;
  }
  return file;
}

void with_name(const Descriptor& temporary, const fs::path& name, const std::function<void(const fs::path&)>& use) {
  std::random_device random;
  const std::string folder = temporary_folder();
  const fs::path given = fmt::format("{}/rbmpi-{:08x}{:08x}", folder, random(), random());
  if (::linkat(AT_FDCWD, path_of(temporary).c_str(), AT_FDCWD, given.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    fail_to_copy(name, folder, errno);
  }
  try {
    use(given);
  } catch (...) {
    ::unlink(given.c_str());
    throw;
  }
  ::unlink(given.c_str());
}

fs::path path_of(const Descriptor& file) {
  return fmt::format("/proc/self/fd/{}", file.number());
}

}  // namespace rbmpi
