#pragma once

#include <cstdlib>

namespace rbmpi::bench {

/// The arguments of a program, which are numbers.
struct Arguments {
  int count;
  char** texts;

  /// One of them, counted from 1, or what it is if it is not given.
  double operator()(int index, double otherwise) const {
    return count > index ? std::strtod(texts[index], nullptr) : otherwise;
  }
};

}  // namespace rbmpi::bench
