#pragma once

#include <string>
#include <utility>

namespace rbmpi {

// Small things of the operating system that several layers need. Everything is Local.

/// Owns a file descriptor, or none (a negative number). Move-only.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) noexcept : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int number() const noexcept { return number_; }
  /// Owns none afterwards. Not for files whose last writes matter: there `close` of the system has something to say.
  void close() noexcept;
  /// Owns none afterwards; the caller closes it.
  int release() noexcept { return std::exchange(number_, -1); }

 private:
  int number_;
};

/// What an errno means: "No such file or directory".
[[nodiscard]] std::string error_text(int error_number);

/// The name of this machine, "unknown" if it has none.
[[nodiscard]] std::string host_name();

}  // namespace rbmpi
