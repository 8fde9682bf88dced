#pragma once

#include <csignal>
#include <functional>

namespace rbmpi::fuzz {

/// Runs reads of HDF5 files in child processes, as the program does: the library may crash there, our code may not.
/// Every process that is forked tells this one about its findings and the code that it reached. One object at a time.
class Containment {
 public:
  Containment();

  /// Runs `read` in a child. Says whether it was accepted; what it throws and how it may end besides is as for
  /// `fuzz::accepted`, less crashes inside HDF5.
  [[nodiscard]] bool accepted(const std::function<void()>& read) const;

 private:
  void prepare_child() const;

  struct sigaction on_bad_address_ {};
};

}  // namespace rbmpi::fuzz
