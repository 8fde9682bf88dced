#include "rbmpi/storage/text_file.hpp"

#include <algorithm>
#include <span>

#include "rbmpi/storage/atomic_file.hpp"
#include "rbmpi/storage/byte_source.hpp"

namespace rbmpi {

std::string read_text_file(const std::filesystem::path& path, std::size_t longest) {
  constexpr std::size_t piece = std::size_t{1} << 16U;  // few files are as long as they may be
  ByteSource source(path);
  std::string text;
  for (;;) {
    const std::size_t length = text.size();
    text.resize(std::min(longest, length + piece));
    const std::size_t count = source.read(std::as_writable_bytes(std::span(text).subspan(length)));
    if (length + count == text.size() && text.size() < longest) continue;
    text.resize(length + count);
    return text;
  }
}

void write_text_file(const std::filesystem::path& path, const std::string& text) {
  AtomicFile atomic(path);
  atomic.write(text);
  atomic.commit();
}

}  // namespace rbmpi
