#include "objects/s3_store.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>

#include "base/hash.h"
#include "base/testing/manual_clock.h"
#include "net/server.h"
#include "objects/file_store.h"
#include "objects/open_store.h"
#include "objects/s3_front.h"
#include "objects/testing/contract.h"
#include "objects/testing/faulty_store.h"
#include "objects/testing/memory_store.h"

namespace clary::objects {
namespace {

// A service as `clary serve` has it, with nothing but S3: HTTP, signatures, the front, a store.
class Service {
 public:
  Service() {
    auto server = net::Server::Start({}, [this](net::Request& r) { return Handle(r); });
    EXPECT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }
  S3StoreOptions Options() const {
    return {.endpoint = "http://127.0.0.1:" + std::to_string(server_->port()),
            .access_key = "key",
            .secret_key = "secret"};
  }
  MemoryStore memory;
  FaultyStore faulty{memory};
  std::atomic<int> busy = 0;  // so many requests get 503

 private:
  net::Response Handle(net::Request& request) {
    if (busy > 0) {
      --busy;
      return S3ErrorResponse({Code::kUnavailable, "SlowDown", "later"}, request.path, false);
    }
    const auto lookup = [](std::string_view key) {
      return key == "key" ? std::optional<std::string>("secret") : std::nullopt;
    };
    const auto who = net::Verify(request, lookup, Clock::System());
    if (!who) return S3ErrorResponse(who.error(), request.path, request.method == "HEAD");
    auto trailers = net::GuardBody(request, *who);
    if (!trailers) return S3ErrorResponse(trailers.error(), request.path, false);
    return front_.Handle(
        request, {.account_id = "1", .region = "us-east-1", .trailers = *std::move(trailers)});
  }
  S3Front front_{faulty};
  std::unique_ptr<net::Server> server_;
};

struct ClientAndService {
  Service service;
  std::unique_ptr<S3Store> store;
};

std::shared_ptr<ObjectStore> MakeS3Store() {
  auto both = std::make_shared<ClientAndService>();
  auto store = S3Store::Open(both->service.Options());
  EXPECT_TRUE(store) << store.error().message;
  both->store = *std::move(store);
  return {both, both->store.get()};
}

INSTANTIATE_TEST_SUITE_P(S3OverHttp, ObjectStoreContract, testing::Values(StoreMaker(MakeS3Store)));

TEST(S3Store, LargeBodiesGoUpInParts) {
  Service service;
  const auto store = *S3Store::Open(service.Options());
  ASSERT_TRUE(store->CreateBucket("bucket", "us-east-1"));
  std::string bytes;
  for (int i = 0; bytes.size() < (20 << 20); ++i) bytes += std::to_string(i) + ",";
  const auto put =
      store->Put({"bucket", "big"}, *NewStringSource(bytes),
                 {.headers = {{"content-type", "text/csv"}}, .checksum_kind = HashKind::kCrc32});
  ASSERT_TRUE(put) << put.error().message;
  EXPECT_TRUE(put->etag.ends_with("-3")) << put->etag;
  auto got = store->Get({"bucket", "big"});
  ASSERT_TRUE(got);
  EXPECT_TRUE(*ReadAll(*got->body, 1 << 28) == bytes);
  EXPECT_EQ(got->info.headers.at("content-type"), "text/csv");
  // A wrong promise: nothing appears, and nothing is left over.
  EXPECT_EQ(Reason(store->Put({"bucket", "bad"}, *NewStringSource(bytes),
                              {.checksum = Checksum{HashKind::kCrc32, "AAAAAA=="}})),
            "BadDigest");
  EXPECT_FALSE(store->Head({"bucket", "bad"}));
  EXPECT_TRUE(service.memory.ListUploads("bucket")->empty());
}

TEST(S3Store, TriesAgainWhenTheServiceIsBusy) {
  Service service;
  const auto store = *S3Store::Open(service.Options());
  service.busy = 2;
  EXPECT_TRUE(store->CreateBucket("bucket", "us-east-1"));
  service.busy = 100;
  const Status failed = store->CreateBucket("another", "us-east-1");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kUnavailable);
  EXPECT_EQ(service.busy, 96);

  // What runs a job waits for minutes.
  ManualClock clock(Clock::System().Now());
  auto options = service.Options();
  options.patience = kJobPatience;
  const auto patient = *S3Store::Open(options, clock);
  service.busy = 20;
  EXPECT_TRUE(patient->Put({"bucket", "k"}, *NewStringSource("model")));
  EXPECT_EQ(service.busy, 0);
  EXPECT_GT(clock.Now() - Clock::System().Now(), Duration(60'000));
}

// The store behind the front fails at every step in turn; the client meets each failure.
TEST(S3Store, EveryFailureOfTheServiceIsAnError) {
  Service service;
  auto options = service.Options();
  options.patience = Duration(0);
  const auto store = *S3Store::Open(options);
  ASSERT_TRUE(store->CreateBucket("bucket", "us-east-1"));
  ASSERT_TRUE(store->Put({"bucket", "k"}, *NewStringSource("old")));
  for (int n = 1; n <= 2; ++n) {
    service.faulty.FailAt(n);
    const auto put = store->Put({"bucket", "k"}, *NewStringSource("new"));
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().code, Code::kUnavailable);
    service.faulty.FailAt(0);
    auto got = store->Get({"bucket", "k"});
    ASSERT_TRUE(got);
    EXPECT_EQ(*ReadAll(*got->body, 100), n == 1 ? "old" : "new");
  }
}

TEST(S3Store, WrongKeysAndEndpoints) {
  Service service;
  auto options = service.Options();
  options.secret_key = "wrong";
  EXPECT_EQ(Reason((*S3Store::Open(options))->ListBuckets()), "SignatureDoesNotMatch");
  for (const char* bad : {"", "127.0.0.1:80", "ftp://x", "http://", "http://x/path"}) {
    EXPECT_EQ(Reason(S3Store::Open({.endpoint = bad})), "BadEndpoint") << bad;
  }
}

// The service's own store by its location, as the service and its runners open it.
TEST(OpenStore, ADirectoryOrTheEndpointOfAnS3Service) {
  Service service;
  const auto dir = TempDir::Make();
  ASSERT_TRUE(dir);
  const auto files = OpenStore((dir->path() / "objects").string());
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_TRUE((*files)->CreateBucket("bucket", "us-east-1"));

  const std::string location =
      "s3://" + service.Options().endpoint.substr(7) + "/?tls=off&region=us-east-1";
  EXPECT_TRUE(IsS3Location(location));
  ::unsetenv("AWS_ACCESS_KEY_ID");
  EXPECT_EQ(Reason(OpenStore(location)), "NoCredentials");
  ::setenv("AWS_ACCESS_KEY_ID", "key", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
  const auto s3 = OpenStore(location);
  ASSERT_TRUE(s3) << s3.error().message;
  ASSERT_TRUE((*s3)->CreateBucket("mine", "us-east-1"));
  ASSERT_TRUE((*s3)->Put({"mine", "k"}, *NewStringSource("bytes")));
  EXPECT_TRUE(service.memory.Head({"mine", "k"}));
  for (const char* bad :
       {"s3://", "s3:///bucket", "s3://host/path", "s3://host?tls=on", "s3://host?region="}) {
    EXPECT_EQ(Reason(OpenStore(bad)), "BadLocation") << bad;
  }
  ::unsetenv("AWS_ACCESS_KEY_ID");
  ::unsetenv("AWS_SECRET_ACCESS_KEY");
}

}  // namespace
}  // namespace clary::objects
