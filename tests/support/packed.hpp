#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

namespace rbmpi::test {

/// Names and contents of the files in an archive.
using Members = std::vector<std::pair<std::string, std::string>>;

/// The content of an archive, in one of libarchive's formats (ARCHIVE_FORMAT_ZIP, ARCHIVE_FORMAT_TAR,
/// ARCHIVE_FORMAT_RAW for the bytes alone) behind one of its filters.
inline std::string archive_of(int format, int filter, const Members& members) {
  const auto check = [](la_ssize_t status) {
    if (status < 0) throw std::runtime_error("libarchive cannot write");
  };
  const std::unique_ptr<archive, decltype(&archive_write_free)> packed(archive_write_new(), archive_write_free);
  check(archive_write_set_format(packed.get(), format));
  check(archive_write_add_filter(packed.get(), filter));
  check(archive_write_set_bytes_in_last_block(packed.get(), 1));
  std::string content;
  check(archive_write_open(
      packed.get(), &content, nullptr,
      [](archive*, void* data, const void* bytes, std::size_t count) -> la_ssize_t {
        static_cast<std::string*>(data)->append(static_cast<const char*>(bytes), count);
        return static_cast<la_ssize_t>(count);
      },
      nullptr));
  for (const auto& member : members) {
    const std::unique_ptr<archive_entry, decltype(&archive_entry_free)> entry(archive_entry_new(), archive_entry_free);
    archive_entry_set_pathname(entry.get(), member.first.c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(member.second.size()));
    check(archive_write_header(packed.get(), entry.get()));
    check(archive_write_data(packed.get(), member.second.data(), member.second.size()));
  }
  check(archive_write_close(packed.get()));
  return content;
}

/// The content of a file that holds `text` behind one of libarchive's filters (ARCHIVE_FILTER_XZ, ...).
inline std::string packed(int filter, std::string_view text) {
  return archive_of(ARCHIVE_FORMAT_RAW, filter, {{"data", std::string(text)}});
}

}  // namespace rbmpi::test
