#include "rbmpi/storage/sealed_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "rbmpi/core/digest.hpp"
#include "rbmpi/storage/hdf5_file.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

class SealedFileTest : public testing::Test {
 protected:
  /// A sealed file with this content behind the seal.
  fs::path sealed(const std::string& content) {
    const fs::path path = folder_.write("a", std::string(seal_bytes, '\0') + content);
    seal_file(path, path);
    return path;
  }
  void expect_damaged(const std::string& bytes) {
    const fs::path path = folder_.write("b", bytes);
    test::expect_error(Failure::file, {"'" + path.string() + "' is damaged"}, [&] { check_seal(path); });
  }

  test::TemporaryFolder folder_;
};

TEST_F(SealedFileTest, AWholeFilePasses) {
  for (const std::size_t size : {0U, 1U, 1000U, 1U << 20U, (1U << 20U) + 1}) {
    const std::string content(size, 'x');
    const fs::path path = sealed(content);
    EXPECT_TRUE(has_seal(path));
    EXPECT_NO_THROW(check_seal(path));
    EXPECT_EQ(test::content(path).substr(seal_bytes), content);
    EXPECT_NE(test::content(path).find(hexadecimal(sha256(std::as_bytes(std::span(content))))), std::string::npos);
  }
}

TEST_F(SealedFileTest, EveryChangedBitIsFound) {
  const std::string whole = test::content(sealed("some content, of any kind"));
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    expect_damaged(damaged);
  }
}

TEST_F(SealedFileTest, EveryOtherLengthIsFound) {
  const std::string whole = test::content(sealed("some content, of any kind"));
  for (std::size_t length = 0; length < whole.size(); ++length) expect_damaged(whole.substr(0, length));
  expect_damaged(whole + '\0');
  expect_damaged(whole + whole);
}

TEST_F(SealedFileTest, WhatIsNoSealedFileIsRefused) {
  EXPECT_FALSE(has_seal(folder_.write("a", "rbmpi")));
  EXPECT_FALSE(has_seal(folder_ / "missing"));
  expect_damaged(std::string(2000, 'a'));
  test::expect_error(Failure::file, {"nowhere", "no such file"}, [&] { check_seal(folder_ / "nowhere"); });
  EXPECT_THROW(check_seal(folder_.path()), DamagedFile);
  ASSERT_EQ(mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_THROW(check_seal(folder_ / "pipe"), DamagedFile);
  test::expect_error(Failure::file, {"cannot write 'b'"}, [&] { seal_file(folder_ / "nowhere", "b"); });
  fs::create_symlink(folder_.write("victim", std::string(600, 'v')), folder_ / "link");
  test::expect_error(Failure::file, {"cannot write 'b'"}, [&] { seal_file(folder_ / "link", "b"); });
  EXPECT_EQ(test::content(folder_ / "victim"), std::string(600, 'v'));
}

TEST_F(SealedFileTest, Hdf5LeavesRoomForTheSealAndSkipsIt) {
  const fs::path path = folder_ / "a.h5";
  Hdf5File file = Hdf5File::create(path, {}, seal_bytes);
  file.write_text("/text", "abc");
  file.close();
  seal_file(path, path);
  EXPECT_NO_THROW(check_seal(path));
  EXPECT_EQ(Hdf5File::open(path).read_text("/text"), "abc");
  EXPECT_TRUE(test::content(path).starts_with("rbmpi-seal 1\n"));
}

}  // namespace
}  // namespace rbmpi
