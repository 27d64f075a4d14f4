// What every ObjectStore must do, as a value-parameterized suite. A test binary instantiates it:
//   INSTANTIATE_TEST_SUITE_P(Memory, ObjectStoreContract, testing::Values(StoreMaker{...}));
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "objects/object_store.h"

namespace clary::objects {

// Makes an empty store; what it needs lives as long as the pointer.
struct StoreMaker {
  // Not inline, so that whoever instantiates the suite also links it.
  explicit StoreMaker(std::function<std::shared_ptr<ObjectStore>()> f);
  std::function<std::shared_ptr<ObjectStore>()> make;
};

class ObjectStoreContract : public testing::TestWithParam<StoreMaker> {
 protected:
  void SetUp() override;
  std::shared_ptr<ObjectStore> store_;  // with one bucket, "bucket"

  Result<ObjectInfo> Put(const std::string& key, const std::string& bytes,
                         const PutOptions& options = {});
  // The body, or "!" and the error's reason.
  std::string Get(const std::string& key, const GetOptions& options = {});
};

// The error's reason; "" if there is none.
template <typename T>
std::string Reason(const Result<T>& r) {
  return r ? std::string() : r.error().reason;
}

}  // namespace clary::objects
