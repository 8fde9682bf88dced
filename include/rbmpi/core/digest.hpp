#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace rbmpi {

/// A SHA-256 (FIPS 180-4) value.
using Digest = std::array<std::byte, 32>;

/// SHA-256 of a stream of bytes. Every method is Local. Move-only.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&& other) noexcept;
  Sha256& operator=(Sha256&& other) noexcept;
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(std::span<const std::byte> bytes);
  /// The digest of all bytes so far. Ends the stream: no method may be called after it.
  [[nodiscard]] Digest finish();

 private:
  struct Release {
    void operator()(void* context) const noexcept;
  };
  std::unique_ptr<void, Release> context_;  // an EVP_MD_CTX, which only the .cpp may name
};

/// The SHA-256 of these bytes.
[[nodiscard]] Digest sha256(std::span<const std::byte> bytes);

/// Two lower-case digits a byte.
[[nodiscard]] std::string hexadecimal(std::span<const std::byte> bytes);

}  // namespace rbmpi
