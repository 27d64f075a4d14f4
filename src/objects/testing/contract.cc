#include "objects/testing/contract.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/strings.h"
#include "objects/rules.h"

namespace clary::objects {

StoreMaker::StoreMaker(std::function<std::shared_ptr<ObjectStore>()> f) : make(std::move(f)) {}

void ObjectStoreContract::SetUp() {
  store_ = GetParam().make();
  ASSERT_TRUE(store_);
  const Status made = store_->CreateBucket("bucket", "us-east-1");
  ASSERT_TRUE(made) << made.error().message;
}

Result<ObjectInfo> ObjectStoreContract::Put(const std::string& key, const std::string& bytes,
                                            const PutOptions& options) {
  return store_->Put({"bucket", key}, *NewStringSource(bytes), options);
}

std::string ObjectStoreContract::Get(const std::string& key, const GetOptions& options) {
  auto got = store_->Get({"bucket", key}, options);
  if (!got) return "!" + got.error().reason;
  auto bytes = ReadAll(*got->body, 1 << 28);
  if (!bytes) return "!!" + bytes.error().reason;
  EXPECT_EQ(bytes->size(), got->length);
  return *bytes;
}

namespace {

std::string Joined(const ListPage& page) {
  std::string out;
  for (const auto& o : page.objects) out += o.key + " ";
  out += "|";
  for (const auto& p : page.common_prefixes) out += " " + p;
  return out;
}

TEST_P(ObjectStoreContract, PutThenGetHeadAndList) {
  const auto put = Put("a/b.csv", "0123456789",
                       {.headers = {{"content-type", "text/csv"}, {"x-amz-meta-who", "me"}}});
  ASSERT_TRUE(put) << put.error().message;
  EXPECT_EQ(put->etag, "781e5e245d69b566979b86e28d23f2c7");
  EXPECT_EQ(Get("a/b.csv"), "0123456789");
  const auto head = store_->Head({"bucket", "a/b.csv"});
  ASSERT_TRUE(head);
  EXPECT_EQ(head->size, 10u);
  EXPECT_EQ(head->etag, put->etag);
  EXPECT_EQ(head->headers.at("content-type"), "text/csv");
  EXPECT_EQ(head->headers.at("x-amz-meta-who"), "me");
  const auto page = store_->List("bucket", {});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->objects.size(), 1u);
  EXPECT_EQ(page->objects[0].key, "a/b.csv");
  EXPECT_EQ(page->objects[0].size, 10u);
  EXPECT_EQ(page->objects[0].etag, put->etag);
}

TEST_P(ObjectStoreContract, Tags) {
  const ObjectRef ref{"bucket", "k"};
  const Tags tags = {{"a b", "c&d=e"}, {"empty", ""}, {"\xc3\xa9", "\xe6\x97\xa5/@+:"}};
  const auto put = Put("k", "x", {.headers = {{"x-amz-meta-who", "me"}}, .tags = {{"one", "1"}}});
  ASSERT_TRUE(put) << put.error().message;
  EXPECT_EQ(put->tag_count, 1u);
  EXPECT_EQ(*store_->GetTags(ref), (Tags{{"one", "1"}}));
  Tags ascii = tags;
  EXPECT_EQ(Reason(store_->SetTags(ref, tags)), "InvalidTag");  // '&' is not allowed
  ascii["a b"] = "c=d";
  ASSERT_TRUE(store_->SetTags(ref, ascii));
  EXPECT_EQ(*store_->GetTags(ref), ascii);
  const auto head = store_->Head(ref);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->tag_count, 3u);
  EXPECT_EQ(head->etag, put->etag);
  EXPECT_EQ(ToMillis(head->last_modified) / 1000, ToMillis(put->last_modified) / 1000);
  EXPECT_EQ(head->headers.at("x-amz-meta-who"), "me");
  EXPECT_FALSE(head->headers.contains("x-amz-tagging"));
  EXPECT_EQ(Get("k"), "x");

  ASSERT_TRUE(store_->SetTags(ref, {}));
  EXPECT_EQ(*store_->GetTags(ref), Tags());
  EXPECT_EQ(store_->Head(ref)->tag_count, 0u);

  ASSERT_TRUE(store_->SetTags(ref, {{"gone", "with the object"}}));
  ASSERT_TRUE(Put("k", "y"));
  EXPECT_EQ(*store_->GetTags(ref), Tags());
  EXPECT_EQ(Reason(store_->GetTags({"bucket", "none"})), "NoSuchKey");
  EXPECT_EQ(Reason(store_->SetTags({"bucket", "none"}, {{"a", "b"}})), "NoSuchKey");
  EXPECT_EQ(Reason(store_->GetTags({"no-bucket", "k"})), "NoSuchBucket");
}

TEST_P(ObjectStoreContract, TagsOfAnUploadAreTheObjects) {
  const ObjectRef ref{"bucket", "big"};
  const auto upload = store_->CreateUpload(ref, {.tags = {{"a", "b"}}});
  ASSERT_TRUE(upload) << upload.error().message;
  const auto part = store_->UploadPart(ref, upload->id, 1, *NewStringSource("x"), {});
  ASSERT_TRUE(part);
  const auto done = store_->CompleteUpload(ref, upload->id, {{1, part->etag, {}}});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->tag_count, 1u);
  EXPECT_EQ(*store_->GetTags(ref), (Tags{{"a", "b"}}));
}

TEST_P(ObjectStoreContract, PutReplacesAndAnOpenReaderKeepsTheOldBytes) {
  ASSERT_TRUE(Put("k", "old"));
  auto open = store_->Get({"bucket", "k"});
  ASSERT_TRUE(open);
  ASSERT_TRUE(Put("k", "the new one"));
  EXPECT_EQ(Get("k"), "the new one");
  const auto old = ReadAll(*open->body, 100);
  ASSERT_TRUE(old);
  EXPECT_EQ(*old, "old");
}

TEST_P(ObjectStoreContract, EmptyObject) {
  ASSERT_TRUE(Put("empty", ""));
  EXPECT_EQ(Get("empty"), "");
  EXPECT_EQ(Get("empty", {.range = ByteRange{.first = 0}}), "!InvalidRange");
}

TEST_P(ObjectStoreContract, MissingThings) {
  EXPECT_EQ(Get("nope"), "!NoSuchKey");
  EXPECT_FALSE(store_->Head({"bucket", "nope"}));
  EXPECT_EQ(store_->Head({"bucket", "nope"}).error().code, Code::kNotFound);
  EXPECT_TRUE(store_->Delete({"bucket", "nope"}));
  EXPECT_EQ(Reason(store_->Put({"no-bucket", "k"}, *NewStringSource("x"))), "NoSuchBucket");
  EXPECT_EQ(Reason(store_->Get({"no-bucket", "k"})), "NoSuchBucket");
  EXPECT_EQ(Reason(store_->List("no-bucket", {})), "NoSuchBucket");
  EXPECT_EQ(Reason(store_->Delete({"no-bucket", "k"})), "NoSuchBucket");
  EXPECT_EQ(Reason(store_->DeleteBucket("no-bucket")), "NoSuchBucket");
  EXPECT_EQ(store_->HeadBucket("no-bucket").error().code, Code::kNotFound);
  EXPECT_EQ(Reason(store_->UploadPart({"bucket", "k"}, "none", 1, *NewStringSource("x"), {})),
            "NoSuchUpload");
}

TEST_P(ObjectStoreContract, RangesReturnBothEnds) {
  ASSERT_TRUE(Put("k", "0123456789"));
  EXPECT_EQ(Get("k", {.range = ByteRange{.first = 2, .last = 4}}), "234");
  EXPECT_EQ(Get("k", {.range = ByteRange{.first = 7}}), "789");
  EXPECT_EQ(Get("k", {.range = ByteRange{.first = 7, .last = 100}}), "789");
  EXPECT_EQ(Get("k", {.range = ByteRange{.suffix = 3}}), "789");
  EXPECT_EQ(Get("k", {.range = ByteRange{.suffix = 30}}), "0123456789");
  EXPECT_EQ(Get("k", {.range = ByteRange{.first = 10}}), "!InvalidRange");
}

TEST_P(ObjectStoreContract, ConditionsOnReadsAndWrites) {
  const auto put = Put("k", "one");
  ASSERT_TRUE(put);
  EXPECT_EQ(Get("k", {.conditions = {.if_match = put->etag}}), "one");
  EXPECT_EQ(Get("k", {.conditions = {.if_match = "\"" + put->etag + "\""}}), "one");
  EXPECT_EQ(Get("k", {.conditions = {.if_match = "0123"}}), "!PreconditionFailed");
  EXPECT_EQ(Get("k", {.conditions = {.if_none_match = put->etag}}), "!NotModified");
  EXPECT_EQ(Get("k", {.conditions = {.if_none_match = "0123"}}), "one");
  const Time later = FromMillis(ToMillis(put->last_modified) + 60'000);
  const Time earlier = FromMillis(ToMillis(put->last_modified) - 60'000);
  EXPECT_EQ(Get("k", {.conditions = {.if_modified_since = later}}), "!NotModified");
  EXPECT_EQ(Get("k", {.conditions = {.if_modified_since = earlier}}), "one");
  EXPECT_EQ(Get("k", {.conditions = {.if_unmodified_since = earlier}}), "!PreconditionFailed");
  EXPECT_EQ(Get("k", {.conditions = {.if_match = put->etag, .if_unmodified_since = earlier}}),
            "one");

  EXPECT_EQ(Reason(Put("k", "two", {.conditions = {.if_none_match = "*"}})), "PreconditionFailed");
  EXPECT_EQ(Reason(Put("k", "two", {.conditions = {.if_match = "0123"}})), "PreconditionFailed");
  EXPECT_EQ(Reason(Put("new", "two", {.conditions = {.if_match = "0123"}})), "NoSuchKey");
  EXPECT_EQ(Get("k"), "one");
  EXPECT_TRUE(Put("k", "two", {.conditions = {.if_match = put->etag}}));
  EXPECT_TRUE(Put("new", "three", {.conditions = {.if_none_match = "*"}}));
  EXPECT_EQ(Get("k"), "two");
}

TEST_P(ObjectStoreContract, ConditionsOnDeletes) {
  const ObjectRef ref{"bucket", "k"};
  const auto put = Put("k", "hello");
  ASSERT_TRUE(put);
  EXPECT_EQ(Reason(store_->Delete(ref, {.if_match = "0"})), "PreconditionFailed");
  EXPECT_EQ(Reason(store_->Delete(ref, {.if_match_size = 4})), "PreconditionFailed");
  EXPECT_EQ(Reason(store_->Delete(ref, {.if_match_modified = Time{}})), "PreconditionFailed");
  EXPECT_EQ(Reason(store_->Delete({"bucket", "none"}, {.if_match = "*"})), "NoSuchKey");
  ASSERT_TRUE(Put("other", "x"));
  const auto many = store_->DeleteMany(
      "bucket", {{"k", {.if_match_size = 4}}, {"other"}, {"none"}, {"none", {.if_match = "*"}}});
  ASSERT_TRUE(many);
  EXPECT_EQ(Reason((*many)[0]), "PreconditionFailed");
  EXPECT_TRUE((*many)[1]);
  EXPECT_TRUE((*many)[2]);
  EXPECT_EQ(Reason((*many)[3]), "NoSuchKey");
  EXPECT_EQ(Get("k"), "hello");
  EXPECT_EQ(Get("other"), "!NoSuchKey");
  const auto head = store_->Head(ref);
  ASSERT_TRUE(head);
  EXPECT_TRUE(store_->Delete(
      ref, {.if_match = put->etag, .if_match_size = 5, .if_match_modified = head->last_modified}));
  EXPECT_EQ(Get("k"), "!NoSuchKey");
}

TEST_P(ObjectStoreContract, OneOfManyConditionalPutsWins) {
  std::atomic<int> won = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        if (Put("lock", std::to_string(i), {.conditions = {.if_none_match = "*"}})) ++won;
      });
    }
  }
  EXPECT_EQ(won, 1);
}

TEST_P(ObjectStoreContract, ChecksumsAreVerifiedAndKept) {
  // CRC-32, CRC-32C, SHA-1, SHA-256 and CRC-64/NVME of "hello".
  const Checksum good[] = {
      {HashKind::kCrc32, "NhCmhg=="},
      {HashKind::kCrc32c, "mnG7TA=="},
      {HashKind::kSha1, "qvTGHdzF6KLavt4PO0gs2a6pQ00="},
      {HashKind::kSha256, "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="},
  };
  for (const Checksum& c : good) {
    ASSERT_TRUE(Put("k", "hello", {.checksum = c})) << NameOf(c.kind).name;
    const auto head = store_->Head({"bucket", "k"});
    ASSERT_TRUE(head && head->checksum);
    EXPECT_EQ(head->checksum->value, c.value);
    EXPECT_EQ(Reason(Put("k", "hullo", {.checksum = c})), "BadDigest");
    EXPECT_EQ(Get("k"), "hello");
  }
  ASSERT_TRUE(Put("k", "hello", {.checksum_kind = HashKind::kCrc64Nvme}));
  const auto head = store_->Head({"bucket", "k"});
  ASSERT_TRUE(head && head->checksum);
  EXPECT_EQ(head->checksum->value, Base64Encode(Hash(HashKind::kCrc64Nvme, "hello")));
  EXPECT_TRUE(Put("k", "hello", {.content_md5 = Base64Encode(Hash(HashKind::kMd5, "hello"))}));
  EXPECT_EQ(Reason(Put("k", "hello", {.content_md5 = Base64Encode(Hash(HashKind::kMd5, "hullo"))})),
            "BadDigest");
  EXPECT_EQ(Reason(Put("k", "hello", {.content_md5 = "nonsense"})), "InvalidDigest");
}

TEST_P(ObjectStoreContract, KeysAreBytes) {
  const std::string keys[] = {"../../etc/passwd",
                              "/",
                              "//",
                              "a//b",
                              "a/",
                              "a/../b",
                              ".",
                              "..",
                              "\xc3\xa9\xe6\x97\xa5",  // UTF-8
                              "a b+c%2F&=?#",
                              std::string(1024, 'k'),
                              "tab\tnewline\n",
                              "x\x01y"};
  for (const std::string& key : keys) ASSERT_TRUE(Put(key, "=" + key)) << key;
  for (const std::string& key : keys) EXPECT_EQ(Get(key), "=" + key) << key;
  const auto page = store_->List("bucket", {});
  ASSERT_TRUE(page) << page.error().message;
  std::vector<std::string> sorted(std::begin(keys), std::end(keys));
  std::ranges::sort(sorted);
  ASSERT_EQ(page->objects.size(), sorted.size());
  for (size_t i = 0; i < sorted.size(); ++i) EXPECT_EQ(page->objects[i].key, sorted[i]);
  EXPECT_EQ(Reason(Put(std::string(1025, 'k'), "x")), "KeyTooLongError");
  for (const std::string& key : keys) EXPECT_TRUE(store_->Delete({"bucket", key}));
  EXPECT_TRUE(store_->DeleteBucket("bucket"));
}

TEST_P(ObjectStoreContract, ListingPagesPrefixesAndDelimiters) {
  for (const char* key : {"a", "b/1", "b/2", "b/c/3", "b0", "c/x", "d"}) ASSERT_TRUE(Put(key, "x"));
  const auto list = [&](const ListOptions& o) {
    const auto page = store_->List("bucket", o);
    return page ? Joined(*page) + (page->truncated ? " ..." : "") : page.error().reason;
  };
  EXPECT_EQ(list({}), "a b/1 b/2 b/c/3 b0 c/x d |");
  EXPECT_EQ(list({.delimiter = "/"}), "a b0 d | b/ c/");
  EXPECT_EQ(list({.prefix = "b"}), "b/1 b/2 b/c/3 b0 |");
  EXPECT_EQ(list({.prefix = "b/", .delimiter = "/"}), "b/1 b/2 | b/c/");
  EXPECT_EQ(list({.prefix = "b", .delimiter = "/"}), "b0 | b/");
  EXPECT_EQ(list({.start_after = "b/2"}), "b/c/3 b0 c/x d |");
  EXPECT_EQ(list({.delimiter = "/", .start_after = "b/"}), "b0 d | c/");
  EXPECT_EQ(list({.prefix = "b/", .start_after = "a"}), "b/1 b/2 b/c/3 |");
  EXPECT_EQ(list({.prefix = "zz"}), "|");
  EXPECT_EQ(list({.delimiter = "0"}), "a b/1 b/2 b/c/3 c/x d | b0");
  EXPECT_EQ(list({.max_keys = 7}), "a b/1 b/2 b/c/3 b0 c/x d |");
  EXPECT_EQ(list({.max_keys = 0}), "|");
  // Page by page, every size of page gives the same whole.
  for (size_t n = 1; n <= 5; ++n) {
    std::string all;
    ListOptions o{.delimiter = "/", .max_keys = n};
    for (int guard = 0; guard < 20; ++guard) {
      const auto page = store_->List("bucket", o);
      ASSERT_TRUE(page);
      EXPECT_LE(page->objects.size() + page->common_prefixes.size(), n);
      for (const auto& k : page->objects) all += k.key + " ";
      for (const auto& p : page->common_prefixes) all += p + " ";
      if (!page->truncated) break;
      o.start_after = page->next;
    }
    if (n == 1) {
      EXPECT_EQ(all, "a b/ b0 c/ d ");
    }
    EXPECT_EQ(all.size(), std::string("a b/ b0 c/ d ").size());
  }
}

TEST_P(ObjectStoreContract, ListsMoreThanOnePage) {
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(Put("k" + std::to_string(100 + i), "x"));
  ListOptions o{.max_keys = 10};
  size_t seen = 0;
  for (;;) {
    const auto page = store_->List("bucket", o);
    ASSERT_TRUE(page);
    seen += page->objects.size();
    if (!page->truncated) break;
    o.start_after = page->next;
  }
  EXPECT_EQ(seen, 25u);
}

TEST_P(ObjectStoreContract, Buckets) {
  EXPECT_EQ(Reason(store_->CreateBucket("No_Good", "us-east-1")), "InvalidBucketName");
  EXPECT_TRUE(store_->CreateBucket("another", "eu-west-1"));
  const auto all = store_->ListBuckets();
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].name, "another");
  const auto head = store_->HeadBucket("another");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->region, "eu-west-1");
  ASSERT_TRUE(Put("k", "x"));
  EXPECT_EQ(Reason(store_->DeleteBucket("bucket")), "BucketNotEmpty");
  EXPECT_TRUE(store_->Delete({"bucket", "k"}));
  EXPECT_TRUE(store_->DeleteBucket("bucket"));
  EXPECT_EQ(store_->HeadBucket("bucket").error().code, Code::kNotFound);
}

TEST_P(ObjectStoreContract, MultipartPutsPartsTogether) {
  const ObjectRef ref{"bucket", "big"};
  const std::string a(kMinPartBytes, 'a');
  const std::string b(kMinPartBytes + 1, 'b');
  const auto upload = store_->CreateUpload(ref, {.headers = {{"content-type", "x/y"}}});
  ASSERT_TRUE(upload) << upload.error().message;
  const auto p3 = store_->UploadPart(ref, upload->id, 3, *NewStringSource("end"), {});
  const auto p1 = store_->UploadPart(ref, upload->id, 1, *NewStringSource(a), {});
  const auto again = store_->UploadPart(ref, upload->id, 2, *NewStringSource("old"), {});
  const auto p2 = store_->UploadPart(ref, upload->id, 2, *NewStringSource(b), {});
  ASSERT_TRUE(p1 && p2 && p3 && again);
  const auto parts = store_->ListParts(ref, upload->id);
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 3u);
  EXPECT_EQ((*parts)[1].size, b.size());
  const auto uploads = store_->ListUploads("bucket");
  ASSERT_TRUE(uploads);
  ASSERT_EQ(uploads->size(), 1u);
  EXPECT_EQ((*uploads)[0].key, "big");
  EXPECT_EQ(Get("big"), "!NoSuchKey");

  const auto complete = [&](std::vector<CompletedPart> list) {
    return store_->CompleteUpload(ref, upload->id, list);
  };
  EXPECT_EQ(Reason(complete({{1, p1->etag, {}}, {3, "0000", {}}})), "InvalidPart");
  EXPECT_EQ(Reason(complete({{1, p1->etag, {}}, {7, p3->etag, {}}})), "InvalidPart");
  EXPECT_EQ(Reason(complete({{2, p2->etag, {}}, {1, p1->etag, {}}})), "InvalidPartOrder");
  EXPECT_EQ(Reason(complete({{2, again->etag, {}}})), "InvalidPart");
  const auto done = complete({{1, p1->etag, {}}, {2, p2->etag, {}}, {3, p3->etag, {}}});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(done->etag.ends_with("-3")) << done->etag;
  EXPECT_TRUE(Get("big") == a + b + "end");
  const auto head = store_->Head(ref);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->etag, done->etag);
  EXPECT_EQ(head->headers.at("content-type"), "x/y");
  EXPECT_EQ(store_->ListUploads("bucket")->size(), 0u);
  // Again is the same, as long as the object is there, in the same parts.
  const auto twice = complete({{1, p1->etag, {}}, {2, p2->etag, {}}, {3, p3->etag, {}}});
  ASSERT_TRUE(twice) << twice.error().message;
  EXPECT_EQ(twice->etag, done->etag);
  EXPECT_EQ(Reason(complete({{1, p1->etag, {}}})), "InvalidPart");
  EXPECT_TRUE(store_->SetTags(ref, {{"k", "v"}}));
  EXPECT_TRUE(complete({{1, p1->etag, {}}, {2, p2->etag, {}}, {3, p3->etag, {}}}));
  EXPECT_TRUE(store_->Put(ref, *NewStringSource("other")));
  EXPECT_EQ(Reason(complete({{1, p1->etag, {}}, {2, p2->etag, {}}, {3, p3->etag, {}}})),
            "NoSuchUpload");
  EXPECT_EQ(Get("big"), "other");
}

TEST_P(ObjectStoreContract, MultipartRefusesSmallPartsAndAborts) {
  const ObjectRef ref{"bucket", "big"};
  const auto upload = store_->CreateUpload(ref, {});
  ASSERT_TRUE(upload);
  const auto p1 = store_->UploadPart(ref, upload->id, 1, *NewStringSource("1"), {});
  const auto p2 = store_->UploadPart(ref, upload->id, 2, *NewStringSource("2"), {});
  ASSERT_TRUE(p1 && p2);
  EXPECT_EQ(Reason(store_->CompleteUpload(ref, upload->id, {{1, p1->etag, {}}, {2, p2->etag, {}}})),
            "EntityTooSmall");
  EXPECT_EQ(Reason(store_->UploadPart(ref, upload->id, 0, *NewStringSource("x"), {})),
            "InvalidArgument");
  EXPECT_EQ(Reason(store_->UploadPart(ref, upload->id, 10'001, *NewStringSource("x"), {})),
            "InvalidArgument");
  EXPECT_TRUE(store_->AbortUpload(ref, upload->id));
  EXPECT_EQ(Reason(store_->AbortUpload(ref, upload->id)), "NoSuchUpload");
  EXPECT_EQ(Reason(store_->ListParts(ref, upload->id)), "NoSuchUpload");
}

TEST_P(ObjectStoreContract, MultipartChecksums) {
  const ObjectRef ref{"bucket", "big"};
  const std::string a(kMinPartBytes, 'a');
  for (const bool full : {false, true}) {
    const auto upload = store_->CreateUpload(
        ref, {.checksum_kind = HashKind::kCrc32, .full_object_checksum = full});
    ASSERT_TRUE(upload);
    const Checksum sum_a{HashKind::kCrc32, Base64Encode(Hash(HashKind::kCrc32, a))};
    const Checksum sum_b{HashKind::kCrc32, Base64Encode(Hash(HashKind::kCrc32, "b"))};
    EXPECT_EQ(
        Reason(store_->UploadPart(ref, upload->id, 1, *NewStringSource(a), {.checksum = sum_b})),
        "BadDigest");
    const auto p1 =
        store_->UploadPart(ref, upload->id, 1, *NewStringSource(a), {.checksum = sum_a});
    const auto p2 =
        store_->UploadPart(ref, upload->id, 2, *NewStringSource("b"), {.checksum = sum_b});
    ASSERT_TRUE(p1 && p2);
    EXPECT_EQ(Reason(store_->CompleteUpload(ref, upload->id,
                                            {{1, p1->etag, sum_b}, {2, p2->etag, sum_b}})),
              "InvalidPart");
    const auto done =
        store_->CompleteUpload(ref, upload->id, {{1, p1->etag, sum_a}, {2, p2->etag, sum_b}});
    ASSERT_TRUE(done) << done.error().message;
    const auto head = store_->Head(ref);
    ASSERT_TRUE(head && head->checksum);
    const std::string composite =
        Base64Encode(
            Hash(HashKind::kCrc32, Hash(HashKind::kCrc32, a) + Hash(HashKind::kCrc32, "b"))) +
        "-2";
    EXPECT_EQ(head->checksum->value,
              full ? Base64Encode(Hash(HashKind::kCrc32, a + "b")) : composite);
    const auto parts = store_->GetParts(ref);
    ASSERT_TRUE(parts);
    if (parts->empty()) continue;  // a client of another store cannot see them
    ASSERT_EQ(parts->size(), 2u);
    EXPECT_EQ((*parts)[1].number, 2);
    EXPECT_EQ((*parts)[1].size, 1u);
    ASSERT_TRUE((*parts)[1].checksum);
    EXPECT_EQ((*parts)[1].checksum->value, sum_b.value);
  }
}

}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ObjectStoreContract);

}  // namespace clary::objects
