#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/clock.h"
#include "base/csv_field.h"
#include "base/error.h"
#include "base/file.h"
#include "base/file_watch.h"
#include "base/hash.h"
#include "base/message_socket.h"
#include "base/nesting.h"
#include "base/page_token.h"
#include "base/quote.h"
#include "base/sqlite.h"
#include "base/strings.h"
#include "base/tool.h"

namespace clary {
namespace {

TEST(Nesting, CountsWhatIsNoText) {
  EXPECT_FALSE(NestsDeeper(R"([{"a":[1]},[[2]]])", 3));
  EXPECT_TRUE(NestsDeeper(R"([{"a":[1]},[[2]]])", 2));
  EXPECT_FALSE(NestsDeeper(R"(["[[[", "\"[[[", "\\"])", 1)) << "brackets in texts";
  EXPECT_TRUE(NestsDeeper(R"(["\\", [[]]])", 2)) << "a text that ends with a backslash";
  EXPECT_TRUE(NestsDeeper(std::string(1 << 20, '['), 200));
}

TEST(Quote, ATerminalObeysNoTextOfUsers) {
  EXPECT_EQ(Printable(std::string_view("a\x1b]0;b\x07\n\0\x7f ü", 13)), "a?]0;b???? ü");
  EXPECT_EQ(Printable("K\xF6ln \xC3"), "K?ln ?") << "of another encoding";
  EXPECT_EQ(Printable("abcdef", 6), "abcdef");
  EXPECT_EQ(Printable("abcdefg", 6), "abcdef...");
  EXPECT_EQ(Printable("abcdeü", 6), "abcde...") << "not within a character";
}

TEST(CsvField, IsQuotedWhereItWouldNotBeOneField) {
  std::string out;
  for (const char* text : {"plain", "a,b", "say \"no\"", "two\nlines"}) {
    if (!out.empty()) out += ';';
    AppendCsvField(out, text);
  }
  EXPECT_EQ(out, "plain;\"a,b\";\"say \"\"no\"\"\";\"two\nlines\"");
}

TEST(Quote, AShellReadsTheWordAgain) {
  EXPECT_EQ(ShellQuote("a-b_c/d.e:f=g"), "a-b_c/d.e:f=g");
  EXPECT_EQ(ShellQuote(""), "''");
  EXPECT_EQ(ShellQuote("a b$c"), "'a b$c'");
  EXPECT_EQ(ShellQuote("it's"), "'it'\"'\"'s'");
}

TEST(PageToken, IsGoodForItsListOnly) {
  const std::string token = MakePageToken("jobs", std::string("a\0b", 3));
  EXPECT_EQ(ReadPageToken("jobs", token), std::string("a\0b", 3));
  EXPECT_EQ(ReadPageToken("job", token), std::nullopt);
  EXPECT_EQ(ReadPageToken("jobs", ""), std::nullopt);
  EXPECT_EQ(ReadPageToken("jobs", "!" + token), std::nullopt);
  EXPECT_EQ(ReadPageToken("jobs", token.substr(4)), std::nullopt);
}

TEST(Strings, TextsOfStrangersAreCleaned) {
  EXPECT_EQ(CleanText("a\tb\n\xC3\xA4"), "a\tb\n\xC3\xA4");
  EXPECT_EQ(CleanText("\x1B[31m"), "\xEF\xBF\xBD[31m");
  EXPECT_EQ(CleanText(std::string("\0\r\x7F", 3)), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(CleanText("\xC2\x9B"
                      "1m"),
            "\xEF\xBF\xBD"
            "1m");  // the control sequence of ISO 8859
  EXPECT_EQ(CleanText("\xC2\xA0"
                      "\xFF"),
            "\xC2\xA0"
            "\xEF\xBF\xBD");
  EXPECT_EQ(XmlEscape("\xFF<\xEF\xBF\xBE\x01\xC3\xA4"),
            "\xEF\xBF\xBD&lt;\xEF\xBF\xBD\xEF\xBF\xBD\xC3\xA4");
  EXPECT_EQ(JsonQuote("\x7F\xC2\x9B\x1B\xC2\xA0"), "\"\\u007f\\u009b\\u001b\xC2\xA0\"");
  EXPECT_TRUE(IsUtf8("\xC3\xA4"));
  EXPECT_FALSE(IsUtf8("a\xC3"));
}

// The check value of every CRC catalogue: the digest of "123456789".
TEST(Hash, ChecksumsMatchTheirCatalogueValues) {
  EXPECT_EQ(HexEncode(Hash(HashKind::kCrc32, "123456789")), "cbf43926");
  EXPECT_EQ(HexEncode(Hash(HashKind::kCrc32c, "123456789")), "e3069283");
  EXPECT_EQ(HexEncode(Hash(HashKind::kCrc64Nvme, "123456789")), "ae8b14860a799888");
  EXPECT_EQ(HexEncode(Hash(HashKind::kMd5, "")), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(HexEncode(Hash(HashKind::kSha1, "abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(
      Base64Encode(Hash(HashKind::kSha512, "hello")),
      "m3HSJL1i83hdltRq0+o9czGb+8KJDKra4t/3JRlnPKcjI8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9zvN7AQw==");
  EXPECT_EQ(HexEncode(Hash(HashKind::kXxh64, "123456789")), "8cb841db40e6ae83");
  EXPECT_EQ(HexEncode(Hash(HashKind::kXxh3, "123456789")), "72dcb18b67a17dff");
  EXPECT_EQ(HexEncode(Hash(HashKind::kXxh128, "123456789")), "33119477ede5dcd5e9716427681d5860");
}

TEST(Hash, StreamingEqualsOneShot) {
  const std::string text(1000, 'x');
  for (const HashKind kind : {HashKind::kMd5, HashKind::kSha256, HashKind::kCrc32,
                              HashKind::kCrc32c, HashKind::kCrc64Nvme, HashKind::kSha512,
                              HashKind::kXxh64, HashKind::kXxh3, HashKind::kXxh128}) {
    Hasher h(kind);
    for (size_t i = 0; i < text.size(); i += 7) h.Update(std::string_view(text).substr(i, 7));
    EXPECT_EQ(h.Finish(), Hash(kind, text));
  }
}

TEST(Clock, FormatsAndParsesTheThreeDateForms) {
  const Time t = FromMillis(1'795'453'895'534);
  EXPECT_EQ(*ParseIso8601(FormatIso8601(t)), t);
  const Time whole = FromMillis(1'795'453'895'000);
  EXPECT_EQ(*ParseAmzDate(FormatAmzDate(t)), whole);
  EXPECT_EQ(*ParseRfc1123(FormatRfc1123(t)), whole);
  EXPECT_FALSE(ParseIso8601("2026-02-31T00:00:00Z"));
  EXPECT_FALSE(ParseAmzDate("20261123"));
}

TEST(Strings, Base64AndHexRefuseBrokenText) {
  for (const std::string_view s : {"", "a", "ab", "abc", "\xff\x00z"}) {
    EXPECT_EQ(Base64Decode(Base64Encode(s)), s);
    EXPECT_EQ(HexDecode(HexEncode(s)), s);
  }
  EXPECT_FALSE(Base64Decode("abc"));
  EXPECT_FALSE(Base64Decode("a=bc"));
  EXPECT_FALSE(HexDecode("0g"));
}

TEST(Strings, UriCodingFollowsRfc3986) {
  EXPECT_EQ(UriEncode("a b/c~*"), "a%20b%2Fc~%2A");
  EXPECT_EQ(UriEncode("a/\xC3\xA9", true), "a/%C3%A9");
  EXPECT_EQ(UriDecode("a+b%20", true), "a b ");
  EXPECT_FALSE(UriDecode("%4"));
  EXPECT_FALSE(UriDecode("%zz"));
}

TEST(Strings, JsonQuoteReplacesBytesThatAreNoUtf8) {
  EXPECT_EQ(JsonQuote("a\"\n\x01\xff\xC3\xA9"), "\"a\\\"\\n\\u0001\xEF\xBF\xBD\xC3\xA9\"");
}

TEST(File, WriteIsAtomicAndReadIsBounded) {
  auto dir = TempDir::Make();
  ASSERT_TRUE(dir);
  const auto path = dir->path() / "x";
  ASSERT_TRUE(WriteFileAtomic(path, "one"));
  ASSERT_TRUE(WriteFileAtomic(path, "two"));
  EXPECT_EQ(*ReadFile(path, 3), "two");
  EXPECT_EQ(ReadFile(path, 2).error().reason, "TooLarge");
  EXPECT_EQ(ReadFile(dir->path() / "no", 2).error().code, Code::kNotFound);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir->path()), {}), 1);
}

TEST(RemoveTree, TakesFoldersOfAnyDepthAndWithoutPermissions) {
  const auto dir = TempDir::Make();
  ASSERT_TRUE(dir.has_value());
  ASSERT_EQ(::chmod(dir->path().c_str(), 0777), 0);
  std::ofstream(dir->path() / "kept") << "kept";
  // As an ordinary user: permissions do not hold root up.
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(1);
    const std::string root = (dir->path() / "job").string();
    if (::mkdir(root.c_str(), 0755) != 0 || ::chdir(root.c_str()) != 0) ::_exit(2);
    if (::symlink("../kept", "link") != 0) ::_exit(3);
    constexpr int kDepth = 3000;  // names of five bytes: far beyond PATH_MAX
    for (int i = 0; i < kDepth; ++i) {
      if (::mkdir("deep_", 0755) != 0 || ::chdir("deep_") != 0) ::_exit(4);
    }
    if (::mkdir("locked", 0) != 0 || ::chmod(".", 0) != 0 || ::chdir(root.c_str()) != 0) ::_exit(5);
    if (::mkdir("full", 0755) != 0 || ::mkdir("full/er", 0) != 0) ::_exit(6);
    const Fd file(::open("full/f", O_CREAT | O_WRONLY, 0));
    if (::chmod("full", 0) != 0 || ::chmod(root.c_str(), 0) != 0) ::_exit(7);
    ::_exit(RemoveTree(root).has_value() ? 0 : 8);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_FALSE(std::filesystem::exists(dir->path() / "job"));
  EXPECT_EQ(*ReadFile(dir->path() / "kept", 10), "kept");
}

TEST(File, LockIsExclusive) {
  auto dir = TempDir::Make();
  auto first = FileLock::Acquire(dir->path() / "lock");
  ASSERT_TRUE(first);
  EXPECT_EQ(FileLock::Acquire(dir->path() / "lock").error().reason, "Locked");
}

TEST(Sqlite, MigratesOnceAndRefusesALaterSchema) {
  auto dir = TempDir::Make();
  const auto path = dir->path() / "db";
  {
    auto db = sqlite::Database::Open(path);
    ASSERT_TRUE(db);
    ASSERT_TRUE(db->Migrate({"CREATE TABLE a(x)", "CREATE TABLE b(x)"}));
    ASSERT_TRUE(db->Migrate({"CREATE TABLE a(x)", "CREATE TABLE b(x)"}));
  }
  auto db = sqlite::Database::Open(path);
  const Status old = db->Migrate({"CREATE TABLE a(x)"});
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().reason, "NewerSchema");
}

TEST(Sqlite, AFailedTransactionLeavesNothing) {
  auto db = sqlite::Database::Open(":memory:");
  ASSERT_TRUE(db->Execute("CREATE TABLE t(x INTEGER PRIMARY KEY)"));
  const Status s = db->Transaction([&]() -> Status {
    CLARY_CHECK_OK(db->Execute("INSERT INTO t VALUES(1)"));
    return db->Execute("INSERT INTO t VALUES(1)");
  });
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().reason, "Constraint");
  auto count = db->Prepare("SELECT count(*) FROM t");
  ASSERT_TRUE(*count->Step());
  EXPECT_EQ(count->Int(0), 0);
}

TEST(FileWatch, TellsOfWhatIsAppended) {
  auto dir = TempDir::Make();
  const auto file = dir->path() / "a";
  EXPECT_FALSE(FileWatch::Make()->Add(file)) << "it is not there";
  std::ofstream(file) << "";
  auto watch = FileWatch::Make();
  ASSERT_TRUE(watch);
  ASSERT_TRUE(watch->Add(file));
  const auto told = [&](int wait) {
    pollfd poll{watch->fd(), POLLIN, 0};
    return ::poll(&poll, 1, wait) == 1;
  };
  EXPECT_FALSE(told(0));
  std::ofstream(file, std::ios::app) << "x";
  EXPECT_TRUE(told(10'000));
  watch->Drain();
  EXPECT_FALSE(told(0));
}

TEST(MessageSocket, CarriesTextsAndDescriptors) {
  auto ends = MakeMessagePair();
  ASSERT_TRUE(ends);
  std::vector<Fd> fds;
  int pipe[2];
  ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
  const Fd read(pipe[0]);
  fds.emplace_back(pipe[1]);
  ASSERT_TRUE(SendMessage(ends->ours.get(), "run 1", fds));
  ASSERT_TRUE(SendMessage(ends->ours.get(), "stop 1"));
  fds.clear();
  {
    const auto first = ReceiveMessage(ends->theirs.get());
    ASSERT_TRUE(first);
    EXPECT_EQ(first->text, "run 1");
    ASSERT_EQ(first->fds.size(), 1U);
    ASSERT_TRUE(WriteAll(first->fds[0].get(), "x"));
  }
  char c = 0;
  EXPECT_EQ(::read(read.get(), &c, 1), 1);
  EXPECT_EQ(::read(read.get(), &c, 1), 0) << "nobody else has the other end";
  EXPECT_EQ(ReceiveMessage(ends->theirs.get())->text, "stop 1");
  ends->ours = Fd();
  EXPECT_EQ(ReceiveMessage(ends->theirs.get()).error().reason, "Gone");
  EXPECT_EQ(SendMessage(ends->theirs.get(), "x").error().reason, "Gone");
}

TEST(RunTool, KeepsWhatItPrintsAndItsStatus) {
  const auto run = [](const char* script, int output, std::chrono::milliseconds limit = {}) {
    return RunTool({"sh", "-c", script}, OwnEnvironment(), output, {}, limit);
  };
  const auto one = run("echo out; echo err >&2; exit 7", kToolOutput);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->output, "out\n");
  EXPECT_EQ(one->code, 7);
  EXPECT_EQ(run("echo out; echo err >&2", kToolBoth)->output, "out\nerr\n");
  EXPECT_EQ(run("kill -9 $$", kToolBoth)->code, 137);
  EXPECT_EQ(RunTool({"no-such-program"}, OwnEnvironment(), kToolBoth)->code, 127);
  // It closes its output and works on; what it leaves behind does not outlive it.
  EXPECT_EQ(run("exec >&- 2>&-; sleep 0.1; exit 3", kToolBoth)->code, 3);
  EXPECT_EQ(run("sleep 1000 & echo x", kToolBoth)->output, "x\n");
}

TEST(RunTool, EndsWhatTakesTooLongOrIsStopped) {
  const auto forever = [](const std::string& before, const std::stop_token& stop,
                          std::chrono::milliseconds limit) {
    return RunTool({"sh", "-c", before + "while :; do echo x; done"}, OwnEnvironment(), kToolBoth,
                   stop, limit);
  };
  EXPECT_EQ(forever("", {}, std::chrono::milliseconds(50)).error().reason, "Timeout");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(forever("trap '' TERM; ", stop.get_token(), {}).error().reason, "Stopped");
}

}  // namespace
}  // namespace clary
