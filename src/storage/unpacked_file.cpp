#include "rbmpi/storage/unpacked_file.hpp"

#include "rbmpi/storage/byte_source.hpp"
#include "rbmpi/storage/temporary_file.hpp"

namespace rbmpi {

UnpackedFile::UnpackedFile(const std::filesystem::path& path) : name_(path), path_(path) {
  ByteSource source(path);
  name_ = source.path();
  if (!source.packed() && !is_standard_input(path)) return;
  temporary_ = temporary_copy(name_, [&](std::span<std::byte> bytes) { return source.read(bytes); });
  path_ = path_of(temporary_);
}

void UnpackedFile::by_name(const std::function<void(const std::filesystem::path&)>& use) const {
  if (temporary_.number() >= 0) {
    with_name(temporary_, name_, use);
  } else {
    use(path_);
  }
}

}  // namespace rbmpi
