#include "rbmpi/storage/regular_file.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

class RegularFileTest : public testing::Test {
 protected:
  void refused(const fs::path& path, const std::string& why) const {
    test::expect_error(Failure::file, {"cannot read", path.string(), why}, [&] { (void)first_bytes(path, 1); });
  }
  test::TemporaryFolder folder_;
};

TEST_F(RegularFileTest, ItsFirstBytesAreRead) {
  EXPECT_EQ(first_bytes(folder_.write("a", "abc"), 2), "ab");
  EXPECT_EQ(first_bytes(folder_ / "a", 9), "abc");
  EXPECT_EQ(first_bytes(folder_.write("empty", ""), 9), "");
}

TEST_F(RegularFileTest, WhatElseThereIsIsRefusedAtOnce) {
  refused(folder_ / "none", "no such file");
  refused(folder_.path(), "it is a folder, not a regular file; a file in it would be right");
  refused("/dev/zero", "it is a device, not a regular file; a file with what comes out of it would be right");
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  refused(folder_ / "pipe", "it is a pipe, not a regular file");
  fs::create_symlink("pipe", folder_ / "link");
  refused(folder_ / "link", "it is a pipe");

  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = folder_ / "socket";
  ASSERT_LT(name.size(), sizeof address.sun_path);
  name.copy(address.sun_path, name.size());
  ASSERT_EQ(::bind(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  refused(name, "it is a socket");
}

}  // namespace
}  // namespace rbmpi
