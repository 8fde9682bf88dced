#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace rbmpi {

/// The byte order mark that a text may begin with.
inline constexpr std::string_view mark_in_utf8 = "\xef\xbb\xbf";

/// Local. The encoding of a text: "UTF-16LE", "UTF-16BE", "UTF-32LE" or "UTF-32BE" by the mark that it begins with;
/// without one UTF-16 if most of every other byte are 0; else "UTF-8", which may turn out to be another with ASCII in
/// it.
[[nodiscard]] std::string encoding_of(std::string_view beginning);

/// Local. The beginning of a text in UTF-8, without its mark, to its last character that is whole and right.
[[nodiscard]] std::string to_utf8(std::string_view text, const std::string& encoding);

/// Local. A text of unknown encoding in UTF-8: as it is if it is UTF-8, else taken for Windows-1252, the usual one of
/// Western Europe. Bytes that are no character there are taken for Latin-1.
[[nodiscard]] std::string name_in_utf8(std::string_view name);

/// Turns texts into UTF-8, piece by piece. Local. Move-only.
class ToUtf8 {
 public:
  /// Throws std::invalid_argument if the system does not know the encoding.
  explicit ToUtf8(const std::string& encoding);
  /// Moves the characters that `bytes` begins with to the end of `text`. What stays is a part of a character, or, where
  /// this gives false, no character of the encoding.
  [[nodiscard]] bool move(std::string& bytes, std::string& text);

 private:
  struct Close {
    void operator()(void* converter) const noexcept;
  };
  std::unique_ptr<void, Close> converter_;
};

}  // namespace rbmpi
