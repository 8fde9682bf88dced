#include "rbmpi/model/model_exchange.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <zip.h>

#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"
#include "support/toy_unit.hpp"

namespace {

std::function<void()> before_next_read;

}  // namespace

/// Stands before the library's own in this program: what a test wants to happen between two reads happens here.
extern "C" zip_int64_t zip_fread(zip_file_t* file, void* buffer, zip_uint64_t length) {
  static const auto library =
      reinterpret_cast<zip_int64_t (*)(zip_file_t*, void*, zip_uint64_t)>(::dlsym(RTLD_NEXT, "zip_fread"));
  if (before_next_read) std::exchange(before_next_read, nullptr)();
  return library(file, buffer, length);
}

namespace rbmpi {
namespace {

// How models come out as they went in is tested with the whole program (tests/e2e/sample_test.py).

TEST(ModelExchangeTest, AnNpzFileThatChangesWhileItIsReadIsRefused) {
  const test::TemporaryFolder folder;
  const Rbm rbm(RbmShape{2, 3});
  export_npz(folder / "a.npz", rbm.view());
  EXPECT_EQ(import_model(folder / "a.npz", {}).rbm.shape(), rbm.shape());
  before_next_read = [&] { (void)folder.write("a.npz", test::content(folder / "a.npz")); };
  test::expect_error(Failure::file, {"a.npz' changed while it was read"},
                     [&] { (void)import_model(folder / "a.npz", {}); });
  before_next_read = nullptr;
}

TEST(ModelExchangeTest, UnitsThatOthersDoNotKnowAreRefused) {
  const test::TemporaryFolder folder;
  const Rbm rbm(RbmShape{2, 3, &bernoulli_unit, &test::toy_unit()});
  const std::vector<std::string> fragments = {"machines of bernoulli on both sides", "toy-spin hidden"};
  test::expect_error(Failure::usage, fragments, [&] { export_npz(folder / "a", rbm); });
  test::expect_error(Failure::usage, fragments, [&] { export_sklearn(folder / "a", rbm); });
  test::expect_error(Failure::usage, fragments, [&] { export_rbms(folder / "a", rbm, 1, {}); });
}

}  // namespace
}  // namespace rbmpi
