#include "import/encoding.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <iconv.h>

#include "rbmpi/core/utf8.hpp"

namespace rbmpi {
namespace {

using namespace std::string_view_literals;

/// Whether most of the bytes at odd places are 0 and those before them characters that tables are made of (Latin
/// letters, digits), or the other way round. Where they are not 0, letters of other scripts stand.
bool is_unmarked_utf16(std::string_view beginning, bool little) {
  constexpr std::size_t enough = 4096;
  const std::size_t units = std::min(enough, beginning.size()) / 2;
  std::size_t latin = 0;
  for (std::size_t i = 0; i < units; ++i) {
    const auto code = static_cast<unsigned char>(beginning[2 * i + (little ? 0 : 1)]);
    if (beginning[2 * i + (little ? 1 : 0)] != 0) continue;
    const bool character = (code >= ' ' && code <= '~') || code >= 0xa0 || code == '\t' || code == '\r' || code == '\n';
    if (!character) return false;
    ++latin;
  }
  return units > 1 && 2 * latin > units;
}

void* open_converter(const std::string& encoding) {
  void* const converter = encoding.empty() ? nullptr : iconv_open("UTF-8", encoding.c_str());
  return reinterpret_cast<std::intptr_t>(converter) == -1 ? nullptr : converter;  // iconv does not know it
}

}  // namespace

void ToUtf8::Close::operator()(void* converter) const noexcept {
  iconv_close(converter);
}

ToUtf8::ToUtf8(const std::string& encoding) : converter_(open_converter(encoding)) {
  if (!converter_) throw std::invalid_argument(fmt::format("no encoding '{}' is known here", encoding));
}

bool ToUtf8::move(std::string& bytes, std::string& text) {
  std::array<char, 4096> block{};
  char* from = bytes.data();
  std::size_t left = bytes.size();
  bool right = true;
  for (bool more = true; more;) {
    char* to = block.data();
    std::size_t room = block.size();
    const bool done = iconv(converter_.get(), &from, &left, &to, &room) != static_cast<std::size_t>(-1);
    more = !done && errno == E2BIG;
    right = done || errno != EILSEQ;
    text.append(block.data(), block.size() - room);
  }
  bytes.erase(0, bytes.size() - left);
  return right;
}

std::string encoding_of(std::string_view beginning) {
  if (beginning.starts_with("\xff\xfe\0\0"sv)) return "UTF-32LE";
  if (beginning.starts_with("\0\0\xfe\xff"sv)) return "UTF-32BE";
  if (beginning.starts_with("\xff\xfe") || is_unmarked_utf16(beginning, true)) return "UTF-16LE";
  if (beginning.starts_with("\xfe\xff") || is_unmarked_utf16(beginning, false)) return "UTF-16BE";
  return "UTF-8";
}

std::string to_utf8(std::string_view text, const std::string& encoding) {
  std::string result;
  std::string bytes(text);
  if (encoding == "UTF-8") {
    result = std::move(bytes);  // it may turn out to be another
  } else {
    (void)ToUtf8(encoding).move(bytes, result);
  }
  if (result.starts_with(mark_in_utf8)) result.erase(0, mark_in_utf8.size());
  return result;
}

std::string name_in_utf8(std::string_view name) {
  std::string result(name);
  for (const char* const encoding : {"windows-1252", "ISO-8859-1"}) {
    if (is_utf8(result)) break;
    std::string bytes(name);
    result.clear();
    if (!ToUtf8(encoding).move(bytes, result)) result = name;
  }
  return result;
}

}  // namespace rbmpi
