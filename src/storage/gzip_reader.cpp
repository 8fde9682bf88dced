#include "storage/gzip_reader.hpp"

#include <algorithm>
#include <utility>

#include "storage/file_errors.hpp"

namespace rbmpi {

GzipReader::GzipReader(std::filesystem::path name, ReadPacked read_packed)
    : name_(std::move(name)), read_packed_(std::move(read_packed)), block_(std::size_t{1} << 18U) {
  constexpr int gzip_window = 15 + 16;  // the largest window, with the header of gzip in front
  if (inflateInit2(&stream_, gzip_window) != Z_OK) fail_to_read(name_, "out of memory");
}

GzipReader::~GzipReader() {
  inflateEnd(&stream_);
}

void GzipReader::begin() {
  inflateReset(&stream_);
  stream_.avail_in = 0;
  place_ = Place::in_member;
}

std::size_t GzipReader::read(std::span<std::byte> bytes) {
  constexpr std::size_t most_at_once = 1U << 30U;  // zlib counts in unsigned int
  std::size_t done = 0;
  while (done < bytes.size()) {
    if (place_ == Place::behind_member) look_behind_member();
    if (place_ == Place::end) break;
    if (stream_.avail_in == 0 && !fill()) fail_to_read(name_, "it is a truncated gzip file");
    const auto wanted = static_cast<uInt>(std::min(bytes.size() - done, most_at_once));
    stream_.next_out = reinterpret_cast<Bytef*>(bytes.data() + done);
    stream_.avail_out = wanted;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    done += wanted - stream_.avail_out;
    if (status == Z_STREAM_END) {
      place_ = Place::behind_member;
    } else if (status == Z_MEM_ERROR) {
      fail_to_read(name_, "out of memory");
    } else if (status != Z_OK) {
      fail_to_read(name_, "it is a damaged gzip file");
    }
  }
  return done;
}

/// More of the file. False at its end.
bool GzipReader::fill() {
  const std::size_t count = read_packed_(block_);
  stream_.next_in = reinterpret_cast<Bytef*>(block_.data());
  stream_.avail_in = static_cast<uInt>(count);
  return count > 0;
}

/// Whether another member begins.
void GzipReader::look_behind_member() {
  constexpr Bytef begins_member = 0x1f;
  if (stream_.avail_in == 0 && !fill()) {
    place_ = Place::end;
    return;
  }
  if (*stream_.next_in == begins_member) {
    inflateReset(&stream_);
    place_ = Place::in_member;
    return;
  }
  do {
    if (std::any_of(stream_.next_in, stream_.next_in + stream_.avail_in, [](Bytef byte) { return byte != 0; })) {
      fail_to_read(name_, "there is more in it behind the end of its gzip data; the gzip data alone would be right");
    }
  } while (fill());
  place_ = Place::end;
}

}  // namespace rbmpi
