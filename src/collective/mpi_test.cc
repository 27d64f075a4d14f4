// MPI starts this test program again, as its hosts.
#include "collective/mpi.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "collective/collective.h"

namespace clary::collective {
namespace {

// The exit status of three processes that run one of the tests below, or -1 without a launcher.
int UnderMpi(const std::string& test) {
  std::vector<std::string> words = {"mpirun",
                                    "--allow-run-as-root",
                                    "--oversubscribe",
                                    "--mca",
                                    "btl",
                                    "self,tcp",
                                    "-np",
                                    "3",
                                    "/proc/self/exe",
                                    "--gtest_also_run_disabled_tests",
                                    "--gtest_filter=" + test};
  char self[4096] = {};
  if (::readlink("/proc/self/exe", self, sizeof self - 1) > 0) words[8] = self;
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::execvp("mpirun", argv.data());
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
  return code == 127 ? -1 : code;
}

TEST(Mpi, HostsWorkTogetherAndMissWhoLeaves) {
  const int code = UnderMpi("Mpi.DISABLED_Work");
  if (code == -1) GTEST_SKIP() << "no mpirun here";
  EXPECT_EQ(code, 0);
  EXPECT_EQ(UnderMpi("Mpi.DISABLED_Leave"), 0);
}

TEST(Mpi, DISABLED_Work) {
  auto end = MeetOverMpi();
  if (!end && end.error().reason == "NoMpi") GTEST_SKIP() << end.error().message;
  ASSERT_TRUE(end) << end.error().message;
  Collective hosts(*std::move(end));
  EXPECT_EQ(hosts.size(), 3);
  const auto rank = static_cast<uint64_t>(hosts.rank());
  for (const size_t items : {0U, 5U, 9'000'000U}) {  // more than a piece
    std::vector<uint64_t> sums(items, (rank << 62) + rank + 1);
    hosts.Sum(sums);
    for (const uint64_t s : sums) ASSERT_EQ(s, (uint64_t{3} << 62) + 6);
  }
  const std::vector<std::string> to = {"", std::string(rank * 1000, 'a'), "x"};
  const auto from = hosts.Exchange(to);
  for (size_t k = 0; k < 3; ++k) {
    EXPECT_EQ(from[k], rank == 0 ? "" : rank == 1 ? std::string(k * 1000, 'a') : "x");
  }
  EXPECT_TRUE(hosts.status());
}

TEST(Mpi, DISABLED_Leave) {
  auto end = MeetOverMpi();
  if (!end && end.error().reason == "NoMpi") GTEST_SKIP() << end.error().message;
  ASSERT_TRUE(end) << end.error().message;
  Collective hosts(*std::move(end));
  hosts.GatherEach(1);
  EXPECT_TRUE(hosts.status());
  if (hosts.rank() == 1) return;
  hosts.GatherEach(2);
  ASSERT_FALSE(hosts.status());
  EXPECT_EQ(hosts.status().error().reason, "HostLost");
}

}  // namespace
}  // namespace clary::collective
