#pragma once

#include <stdexcept>
#include <string>

namespace rbmpi {

/// Why something failed. The value is the exit code of the program `rbmpi`.
enum class Failure : int {
  other = 1,         ///< anything that is none of the below
  usage = 2,         ///< wrong usage or configuration
  file = 3,          ///< a file or folder that cannot be read or written, or does not fit
  diverged = 4,      ///< parameters are no longer finite
  interrupted = 75,  ///< ended by a signal or a time limit; the same command goes on or does it again (EX_TEMPFAIL)
};

/// Every error that this library throws on purpose. The message is one sentence or two for the person at the terminal:
/// it names the file, the key and the value, and what would be right.
class Error : public std::runtime_error {
 public:
  Error(Failure failure, const std::string& message) : std::runtime_error(message), failure_(failure) {}

  [[nodiscard]] Failure failure() const noexcept { return failure_; }

 private:
  Failure failure_;
};

}  // namespace rbmpi
