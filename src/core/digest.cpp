#include "rbmpi/core/digest.hpp"

#include <algorithm>

#include <openssl/evp.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/liveness.hpp"

namespace rbmpi {
namespace {

EVP_MD_CTX* evp(void* context) noexcept {
  return static_cast<EVP_MD_CTX*>(context);
}

void check(int status) {
  if (status != 1) throw Error(Failure::other, "OpenSSL cannot compute a SHA-256");
}

}  // namespace

void Sha256::Release::operator()(void* context) const noexcept {
  EVP_MD_CTX_free(evp(context));
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  check(context_ != nullptr ? EVP_DigestInit_ex(evp(context_.get()), EVP_sha256(), nullptr) : 0);
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&& other) noexcept = default;
Sha256& Sha256::operator=(Sha256&& other) noexcept = default;

void Sha256::update(std::span<const std::byte> bytes) {
  constexpr std::size_t piece = std::size_t{1} << 26U;
  for (std::size_t first = 0; first < bytes.size(); first += piece) {
    const std::span<const std::byte> part = bytes.subspan(first, std::min(piece, bytes.size() - first));
    check(EVP_DigestUpdate(evp(context_.get()), part.data(), part.size()));
    still_at_work();
  }
}

Digest Sha256::finish() {
  Digest digest;
  unsigned int length = 0;
  check(EVP_DigestFinal_ex(evp(context_.get()), reinterpret_cast<unsigned char*>(digest.data()), &length));
  return digest;
}

Digest sha256(std::span<const std::byte> bytes) {
  Sha256 stream;
  stream.update(bytes);
  return stream.finish();
}

std::string hexadecimal(std::span<const std::byte> bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::byte byte : bytes) {
    text += digits[std::to_integer<unsigned>(byte) >> 4U];
    text += digits[std::to_integer<unsigned>(byte) & 15U];
  }
  return text;
}

}  // namespace rbmpi
