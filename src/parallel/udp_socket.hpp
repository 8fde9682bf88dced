#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <netinet/in.h>

#include "rbmpi/core/system.hpp"

namespace rbmpi {

/// A UDP socket on a free port of all addresses of this machine. Never blocks. IPv4 addresses are written as IPv6 ones
/// (::ffff:192.0.2.1), also where the system has no IPv6. Everything is Local.
class UdpSocket {
 public:
  UdpSocket();

  [[nodiscard]] int descriptor() const noexcept { return descriptor_.number(); }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  /// Sends one packet, or not: like the network, it may be lost without a word.
  void send(std::span<const std::byte> packet, const sockaddr_in6& to) const noexcept;

  struct Received {
    std::size_t size;  ///< of the packet, which may be more than the buffer has taken
    sockaddr_in6 from;
  };
  /// The next packet that has arrived, if there is one.
  [[nodiscard]] std::optional<Received> receive(std::span<std::byte> buffer) const noexcept;

 private:
  Descriptor descriptor_;
  bool ipv6_ = true;
  std::uint16_t port_ = 0;
};

/// Local. The addresses under which other machines may reach this one; loopback and link-local ones are left out.
[[nodiscard]] std::vector<in6_addr> reachable_addresses();

}  // namespace rbmpi
