#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// Collective. The root's value, on every rank.
template <typename Value>
[[nodiscard]] Value from_root(Value value, const Communicator& world) {
  world.broadcast(std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

/// Collective. The root's list, of any length, on every rank.
template <typename Value>
[[nodiscard]] std::vector<Value> from_root(std::vector<Value> list, const Communicator& world) {
  const std::uint64_t size = from_root(std::uint64_t{list.size()}, world);
  world.agree([&] { list.resize(size); });
  world.broadcast(std::as_writable_bytes(std::span(list)));
  return list;
}

}  // namespace rbmpi
