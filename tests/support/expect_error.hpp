#pragma once

#include <exception>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/error.hpp"

namespace rbmpi::test {

/// Expects that `call` throws an Error of this kind whose message is one line and has every fragment.
template <typename Call>
void expect_error(Failure failure, const std::vector<std::string>& fragments, const Call& call) {
  try {
    call();
    ADD_FAILURE() << "no error was thrown";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(error.failure(), failure) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    for (const std::string& fragment : fragments)
      EXPECT_NE(message.find(fragment), std::string::npos) << "'" << fragment << "' is missing in: " << message;
  } catch (const std::exception& error) {
    ADD_FAILURE() << "not an Error: " << error.what();
  }
}

}  // namespace rbmpi::test
