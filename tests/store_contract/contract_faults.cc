// The contract under the fault store: errors keep their type and leave nothing half done, and a
// conditional put whose answer is lost is settled, at each of them and with both outcomes.
#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "io/base/status.h"
#include "io/base/text.h"
#include "io/fault/fault_store.h"
#include "io/store/lost_answer.h"
#include "tests/store_contract/contract_suite.h"
#include "tests/support/status_matchers.h"

namespace og::io {
namespace {

using tests::IsOk;
using tests::StatusIs;

constexpr absl::StatusCode kTypedErrors[] = {
    absl::StatusCode::kNotFound,         absl::StatusCode::kUnknown,
    absl::StatusCode::kUnavailable,      absl::StatusCode::kResourceExhausted,
    absl::StatusCode::kPermissionDenied, absl::StatusCode::kDeadlineExceeded,
    absl::StatusCode::kDataLoss,
};

struct NamedCall {
  StoreCall call;
  std::function<absl::Status(Store&)> make;
};

// Every call of the contract, on an object "o" below `root` that is there.
std::vector<NamedCall> EveryCall(const std::string& root) {
  const std::string o = StrCat(root, "/o");
  const std::string n = StrCat(root, "/n");
  const auto stream = [n](Store& store) -> absl::Status {
    auto opened = store.OpenWrite(n);
    if (!opened.ok()) return opened.status();
    const absl::Status appended = (*opened)->Append(AsBytes("new"));
    return appended.ok() ? (*opened)->Finish().status() : appended;
  };
  return {
      {StoreCall::kStat, [o](Store& store) { return store.Stat(o).status(); }},
      {StoreCall::kReadRange,
       [o](Store& store) {
         return store.Submit({{o, {0, 1}}, {o, {1, 1}}}).Wait().status();
       }},
      {StoreCall::kRead, [o](Store& store) { return store.Read(o).status(); }},
      {StoreCall::kReadTail,
       [o](Store& store) {
         uint64_t size = 0;
         return store.ReadTail(o, 1, &size).status();
       }},
      {StoreCall::kList, [root](Store& store) { return store.List(root, {}).status(); }},
      {StoreCall::kOpenWrite, stream},
      {StoreCall::kAppend, stream},
      {StoreCall::kFinish, stream},
      {StoreCall::kPut, [o](Store& store) { return store.Put(o, AsBytes("new")).status(); }},
      {StoreCall::kPutIfAbsent,
       [n](Store& store) { return store.PutIfAbsent(n, AsBytes("new")).status(); }},
      {StoreCall::kPutIfMatch,
       [o](Store& store) {
         return store.PutIfMatch(o, AsBytes("new"), ContentToken(AsBytes("old"))).status();
       }},
      {StoreCall::kCopy, [o, n](Store& store) { return store.Copy(o, n); }},
      {StoreCall::kRename, [o, n](Store& store) { return store.Rename(o, n); }},
      {StoreCall::kDelete, [o](Store& store) { return store.Delete(o); }},
      {StoreCall::kDeletePrefix, [root](Store& store) { return store.DeletePrefix(root); }},
      {StoreCall::kSync,
       [o](Store& store) { return store.Sync(std::vector<std::string>{o}, Durability::kFull); }},
  };
}

TEST_P(StoreContractTest, ErrorsKeepTheirTypeAndChangeNothing) {
  FaultStore faulty(subject_.store);
  OG_ASSERT_OK(store().Put(Path("o"), AsBytes("old")));
  std::set<StoreCall> seen;
  for (const NamedCall& named : EveryCall(subject_.root)) {
    for (const absl::StatusCode code : kTypedErrors) {
      faulty.Add({.kind = Fault::Kind::kBefore,
                  .call = named.call,
                  .status = absl::Status(code, "by the test")});
      EXPECT_THAT(named.make(faulty), StatusIs(code, "by the test")) << StoreCallName(named.call);
      faulty.Clear();
    }
    EXPECT_EQ(Content("o"), "old") << StoreCallName(named.call);
    EXPECT_EQ(Names(""), std::vector<std::string>{"o"}) << StoreCallName(named.call);
    seen.insert(named.call);
  }
  EXPECT_EQ(seen.size(), kNumStoreCalls);
}

TEST_P(StoreContractTest, WhereverAWriterStopsObjectsAreWhole) {
  const auto write = [this](Store& target) -> absl::Status {
    absl::Status status = target.Put(Path("a"), AsBytes("new a")).status();
    if (status.ok()) status = target.PutIfAbsent(Path("b"), AsBytes("new b")).status();
    if (status.ok()) {
      status =
          target.PutIfMatch(Path("c"), AsBytes("new c"), ContentToken(AsBytes("old c"))).status();
    }
    auto stream = status.ok() ? target.OpenWrite(Path("d")) : status;
    if (!stream.ok()) return stream.status();
    status = (*stream)->Append(AsBytes("new d"));
    if (status.ok()) status = (*stream)->Finish().status();
    if (status.ok()) status = target.Rename(Path("a"), Path("e"));
    if (status.ok()) status = target.Delete(Path("b"));
    return status;
  };
  const std::set<std::string> allowed = {"old a", "new a", "new b", "old c", "new c", "new d"};
  for (const bool takes_effect : {false, true}) {
    bool is_done = false;
    for (uint64_t nth = 1; !is_done; ++nth) {
      ASSERT_LT(nth, 20u);
      OG_ASSERT_OK(store().DeletePrefix(subject_.root));
      OG_ASSERT_OK(store().Put(Path("a"), AsBytes("old a")));
      OG_ASSERT_OK(store().Put(Path("c"), AsBytes("old c")));
      FaultStore faulty(subject_.store);
      faulty.StopAtChange(nth, takes_effect);
      is_done = write(faulty).ok();
      EXPECT_EQ(is_done, !faulty.is_stopped());
      for (const std::string& name : Names(""))
        EXPECT_TRUE(allowed.contains(Content(name))) << name << ": " << Content(name);
      EXPECT_EQ(Content("c").substr(3), " c");
    }
    EXPECT_EQ(Names(""), (std::vector<std::string>{"c", "d", "e"}));
  }
}

// --- lost answers --------------------------------------------------------------------------------

// The conditional puts as a store over a network makes them: what was lost is settled, and sent
// again if it did not happen.
absl::StatusOr<ObjectInfo> Create(Store& store, const std::string& path, std::string_view text) {
  absl::StatusOr<ObjectInfo> put = store.PutIfAbsent(path, AsBytes(text));
  if (!absl::IsUnavailable(put.status())) return put;
  put = SettlePutIfAbsent(store, path, AsBytes(text), put.status());
  if (!absl::IsUnavailable(put.status())) return put;
  return store.PutIfAbsent(path, AsBytes(text));
}

absl::StatusOr<ObjectInfo> Replace(Store& store, const std::string& path, std::string_view text,
                                   const std::string& e_tag) {
  absl::StatusOr<ObjectInfo> put = store.PutIfMatch(path, AsBytes(text), e_tag);
  if (!absl::IsUnavailable(put.status())) return put;
  put = SettlePutIfMatch(store, path, AsBytes(text), e_tag, put.status());
  if (!absl::IsUnavailable(put.status())) return put;
  return store.PutIfMatch(path, AsBytes(text), e_tag);
}

// Creations and replacements that win and that lose, by both kinds of token; how each ended.
std::vector<absl::StatusCode> RunConditionalPuts(Store& store, const std::string& root) {
  std::vector<absl::StatusCode> codes;
  const auto path = [&root](std::string_view name) { return StrCat(root, "/", name); };
  std::string token;
  const auto note = [&](const absl::StatusOr<ObjectInfo>& put) {
    codes.push_back(put.status().code());
    if (put.ok()) token = put->e_tag;
  };
  note(Create(store, path("v1"), "one"));
  note(Create(store, path("v1"), "another one"));
  note(Create(store, path("v2"), "two"));
  note(Create(store, path("s"), "0"));
  const std::string first = token;
  note(Replace(store, path("s"), "1", token));
  note(Replace(store, path("s"), "x", first));
  note(Replace(store, path("s"), "2", token));
  note(Replace(store, path("s"), "3", ContentToken(AsBytes("2"))));
  note(Replace(store, path("s"), "y", ContentToken(AsBytes("2"))));
  note(Replace(store, path("none"), "z", token));
  return codes;
}

TEST_P(StoreContractTest, ALostAnswerOfAnyConditionalPutIsSettled) {
  const std::vector<std::string> names = {"s", "v1", "v2"};
  FaultStore counted(subject_.store);
  const std::vector<absl::StatusCode> expected = RunConditionalPuts(counted, Path(""));
  const uint64_t num_puts = counted.num_conditional_puts();
  ASSERT_EQ(num_puts, expected.size());
  EXPECT_EQ(std::ranges::count(expected, absl::StatusCode::kOk), 6);
  EXPECT_EQ(std::ranges::count(expected, absl::StatusCode::kAlreadyExists), 1);
  EXPECT_EQ(std::ranges::count(expected, absl::StatusCode::kAborted), 3);

  for (uint64_t nth = 1; nth <= num_puts; ++nth) {
    for (const bool takes_effect : {false, true}) {
      OG_ASSERT_OK(store().DeletePrefix(subject_.root));
      FaultStore faulty(subject_.store);
      faulty.LoseAnswerOfConditionalPut(nth, takes_effect);
      EXPECT_EQ(RunConditionalPuts(faulty, Path("")), expected)
          << "answer " << nth << " lost, takes effect: " << takes_effect;
      EXPECT_EQ(faulty.num_faults(), 1u);
      EXPECT_EQ(Names(""), names);
      EXPECT_EQ(Content("s"), "3");
      EXPECT_EQ(Content("v1"), "one");
      EXPECT_EQ(Content("v2"), "two");
    }
  }
}

TEST_P(StoreContractTest, ALostAnswerThatCannotBeReadBackIsUnknown) {
  for (const bool takes_effect : {false, true}) {
    for (const StoreCall unreadable : {StoreCall::kStat, StoreCall::kRead}) {
      OG_ASSERT_OK(store().Put(Path("s"), AsBytes("0")));
      OG_ASSERT_OK(store().Delete(Path("v")));
      FaultStore faulty(subject_.store);
      faulty.Add({.call = unreadable, .times = 1000});
      faulty.LoseAnswerOfConditionalPut(1, takes_effect);
      // An object that Stat does not find is absent, whatever a read would say.
      const bool is_absent = !takes_effect && unreadable == StoreCall::kRead;
      if (!is_absent) {
        EXPECT_THAT(Create(faulty, Path("v"), "v"), StatusIs(absl::StatusCode::kUnknown, "v"));
      }
      faulty.Clear();
      faulty.Add({.call = unreadable, .times = 1000});
      faulty.LoseAnswerOfConditionalPut(1, takes_effect);
      EXPECT_THAT(Replace(faulty, Path("s"), "1", ContentToken(AsBytes("0"))),
                  StatusIs(absl::StatusCode::kUnknown, "s"));
      EXPECT_EQ(Content("s"), takes_effect ? "1" : "0");
    }
  }
}

}  // namespace
}  // namespace og::io
