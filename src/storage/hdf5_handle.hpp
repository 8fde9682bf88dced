#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include <hdf5.h>

#include "storage/file_errors.hpp"

namespace rbmpi::hdf5 {

// Identifiers of the HDF5 library, and what it says when a call fails. All of it is Local.

/// Owns one HDF5 identifier of any kind except a file's. Move-only.
class Handle {
 public:
  explicit Handle(hid_t id) noexcept : id_(id) {}
  ~Handle() {
    if (id_ >= 0) H5Idec_ref(id_);
  }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    Handle moved(std::move(other));
    std::swap(id_, moved.id_);
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  [[nodiscard]] hid_t id() const noexcept { return id_; }
  /// The status of the library: closing an array writes what it held back.
  [[nodiscard]] int close() noexcept { return H5Idec_ref(std::exchange(id_, -1)); }

 private:
  hid_t id_;
};

/// Keeps HDF5 from printing its error stack by itself.
void keep_quiet();

/// The library's error stack in one line, the most general first; it is empty then.
[[nodiscard]] std::string error_stack();

/// Every call of the library goes through here: gives its result, or throws "cannot DOING 'FILE': <error stack>".
template <typename Status>
Status check(Status status, const char* doing, const std::filesystem::path& file) {
  if (status < 0) fail_to(doing, file, "HDF5 says: " + error_stack());
  return status;
}

}  // namespace rbmpi::hdf5
