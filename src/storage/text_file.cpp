#include "rbmpi/storage/text_file.hpp"

#include <span>

#include "rbmpi/storage/atomic_file.hpp"
#include "rbmpi/storage/byte_source.hpp"

namespace rbmpi {

std::string read_text_file(const std::filesystem::path& path, std::size_t longest) {
  std::string text(longest, '\0');
  ByteSource source(path);
  text.resize(source.read(std::as_writable_bytes(std::span(text))));
  return text;
}

void write_text_file(const std::filesystem::path& path, const std::string& text) {
  AtomicFile atomic(path);
  atomic.write(text);
  atomic.commit();
}

}  // namespace rbmpi
