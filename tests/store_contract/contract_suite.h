// The tests that every store passes: what store.h promises, and what becomes of it under faults. A
// room with a store of its own instantiates them:
//
//   INSTANTIATE_TEST_SUITE_P(S3, StoreContractTest, testing::Values(StoreKind{"Moto", MakeMoto}),
//                            StoreKindName);
//
// Each test gets a subject of its own and works below its root, which is empty at the start.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

#include "io/store/store.h"

namespace og::io {

// A store, the place in it that the test may use, and what has to live as long.
struct StoreSubject {
  std::shared_ptr<Store> store;
  std::string root;
  std::shared_ptr<void> keep = {};
};

struct StoreKind {
  std::string name;
  std::function<StoreSubject()> make;

  // Replacing an object by equal bytes gives it another token. Not where the token is a hash.
  bool tokens_never_return = true;

  // What a put answers is what Stat() says, to the microsecond.
  bool puts_know_their_time = true;

  // More names than two pages of a listing have, where listings have pages.
  size_t names_of_pages = 300;

  // Racing writers and repetitions are cut to this part, for stores where a call takes long.
  size_t percent_of_work = 100;

  friend void PrintTo(const StoreKind& kind, std::ostream* os) { *os << kind.name; }
};

// The name of an instance.
std::string StoreKindName(const testing::TestParamInfo<StoreKind>& info);

// Adds one to the number in the object `path` `count` times, by Read and PutIfMatch, again where
// another writer was first. `by_content`: with the token of the content, else with that of Stat.
void CountUp(Store& store, const std::string& path, int count, bool by_content);

class StoreContractTest : public testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override { subject_ = GetParam().make(); }

  Store& store() { return *subject_.store; }
  std::string Path(std::string_view name) const;

  // The bytes of an object, or how reading it fails.
  std::string Content(std::string_view name);

  // The listed names below `prefix`, without the root.
  std::vector<std::string> Names(std::string_view prefix, ListOptions options = {});

  // The first of the direct children of `prefix`, without the root.
  std::vector<std::string> FirstNames(std::string_view prefix, size_t limit);

  // `times` as this kind of store allows it, at least 2.
  int Scaled(int times) const;

  // Puts an object "x" of each name, several at a time.
  void PutAll(const std::vector<std::string>& names);

  StoreSubject subject_;
};

}  // namespace og::io
