// What every MetadataStore must do, as a value-parameterized suite. A test binary instantiates it:
//   INSTANTIATE_TEST_SUITE_P(Memory, MetadataStoreContract, testing::Values(StoreMaker{...}));
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "meta/metadata_store.h"

namespace clary::meta {

// Makes an empty store; what it needs lives as long as the pointer. Null: it is not to be had on
// this machine, and the test is skipped.
struct StoreMaker {
  // Not inline, so that whoever instantiates the suite also links it.
  explicit StoreMaker(std::function<std::shared_ptr<MetadataStore>()> f);
  std::function<std::shared_ptr<MetadataStore>()> make;
};

class MetadataStoreContract : public testing::TestWithParam<StoreMaker> {
 protected:
  void SetUp() override {
    if (store_ptr_ == nullptr) GTEST_SKIP() << "this store is not installed here";
  }
  std::shared_ptr<MetadataStore> store_ptr_ = GetParam().make();
  MetadataStore& store_ = *store_ptr_;
};

}  // namespace clary::meta
