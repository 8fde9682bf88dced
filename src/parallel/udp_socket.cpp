#include "parallel/udp_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rbmpi/core/error.hpp"

namespace rbmpi {
namespace {

in6_addr mapped(const in_addr& address) {
  in6_addr result{};
  result.s6_addr[10] = result.s6_addr[11] = 0xFF;
  std::memcpy(&result.s6_addr[12], &address, sizeof(address));
  return result;
}

// The socket calls take every kind of address behind a pointer to the general one.
template <typename Address>
sockaddr* general(Address& address) {
  return reinterpret_cast<sockaddr*>(&address);
}

template <typename Address>
const sockaddr* general(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

[[noreturn]] void fail(const char* call) {
  throw Error(Failure::other, fmt::format("a UDP socket cannot be opened: {} failed: {}", call, error_text(errno)));
}

}  // namespace

UdpSocket::UdpSocket() : descriptor_(::socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  constexpr int off = 0;
  sockaddr_in6 own{};
  own.sin6_family = AF_INET6;
  socklen_t length = sizeof(own);
  if (descriptor() >= 0 && ::setsockopt(descriptor(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0 &&
      ::bind(descriptor(), general(own), length) == 0) {
    if (::getsockname(descriptor(), general(own), &length) != 0) fail("getsockname");
    port_ = ntohs(own.sin6_port);
    return;
  }
  // Many clusters run without IPv6.
  ipv6_ = false;
  descriptor_ = Descriptor(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (descriptor() < 0) fail("socket");
  sockaddr_in own4{};
  own4.sin_family = AF_INET;
  length = sizeof(own4);
  if (::bind(descriptor(), general(own4), length) != 0) fail("bind");
  if (::getsockname(descriptor(), general(own4), &length) != 0) fail("getsockname");
  port_ = ntohs(own4.sin_port);
}

void UdpSocket::send(std::span<const std::byte> packet, const sockaddr_in6& to) const noexcept {
  if (ipv6_) {
    ::sendto(descriptor(), packet.data(), packet.size(), 0, general(to), sizeof(to));
    return;
  }
  if (!IN6_IS_ADDR_V4MAPPED(&to.sin6_addr)) return;
  sockaddr_in to4{};
  to4.sin_family = AF_INET;
  to4.sin_port = to.sin6_port;
  std::memcpy(&to4.sin_addr, &to.sin6_addr.s6_addr[12], sizeof(to4.sin_addr));
  ::sendto(descriptor(), packet.data(), packet.size(), 0, general(to4), sizeof(to4));
}

std::optional<UdpSocket::Received> UdpSocket::receive(std::span<std::byte> buffer) const noexcept {
  sockaddr_in6 from{};
  socklen_t length = sizeof(from);
  const ssize_t size = ::recvfrom(descriptor(), buffer.data(), buffer.size(), MSG_TRUNC, general(from), &length);
  if (size < 0) return {};
  if (!ipv6_) {
    sockaddr_in from4{};
    std::memcpy(&from4, &from, sizeof(from4));
    from = {};
    from.sin6_family = AF_INET6;
    from.sin6_port = from4.sin_port;
    from.sin6_addr = mapped(from4.sin_addr);
  }
  return Received{.size = static_cast<std::size_t>(size), .from = from};
}

std::vector<in6_addr> reachable_addresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
  std::vector<in6_addr> addresses;
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || (one->ifa_flags & IFF_UP) == 0 || (one->ifa_flags & IFF_LOOPBACK) != 0) continue;
    if (one->ifa_addr->sa_family == AF_INET) {
      sockaddr_in address{};
      std::memcpy(&address, one->ifa_addr, sizeof(address));
      addresses.push_back(mapped(address.sin_addr));
    } else if (one->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 address{};
      std::memcpy(&address, one->ifa_addr, sizeof(address));
      if (!IN6_IS_ADDR_LINKLOCAL(&address.sin6_addr)) addresses.push_back(address.sin6_addr);
    }
  }
  return addresses;
}

}  // namespace rbmpi
