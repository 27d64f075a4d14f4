#include "clarify/jmespath.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace clary::clarify {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json Find(const char* expression, const json& document) {
  const auto path = Jmespath::Compile(expression);
  EXPECT_TRUE(path) << path.error().message;
  if (!path) return "no expression";
  const auto found = path->Search(document);
  EXPECT_TRUE(found) << found.error().message;
  return found ? *found : json("failed");
}

std::string Refused(const char* expression) {
  const auto path = Jmespath::Compile(expression);
  EXPECT_FALSE(path) << expression;
  return path ? "" : path.error().message;
}

const json kPeople = json::parse(R"({
  "people": [{"name": "a", "age": 30, "tags": ["x", "y"]}, {"name": "b", "age": 50, "tags": []},
             {"name": "c", "age": 40, "address": {"city": "z"}}],
  "ops": {"f1": {"n": 1}, "f2": {"n": 2}, "f3": {"m": 3}},
  "nested": [[0, 1], [2, [3]], 4], "with space": true, "zero": 0, "empty": ""})");

TEST(Jmespath, NamesIndicesAndSlices) {
  EXPECT_EQ(Find("people[0].name", kPeople), "a");
  EXPECT_EQ(Find("people[-1].address.city", kPeople), "z");
  EXPECT_EQ(Find("people[7]", kPeople), nullptr);
  EXPECT_EQ(Find("nothing.at.all", kPeople), nullptr);
  EXPECT_EQ(Find("\"with space\"", kPeople), true);
  EXPECT_EQ(Find("@.zero", kPeople), 0);
  const json ten = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_EQ(Find("[1:4]", ten), json({1, 2, 3}));
  EXPECT_EQ(Find("[:3]", ten), json({0, 1, 2}));
  EXPECT_EQ(Find("[-2:]", ten), json({8, 9}));
  EXPECT_EQ(Find("[::-3]", ten), json({9, 6, 3, 0}));
  EXPECT_EQ(Find("[8:2:-2]", ten), json({8, 6, 4}));
  EXPECT_EQ(Find("[2:100]", ten).size(), 8U);
  EXPECT_EQ(Find("[0:2]", json("text")), nullptr);
}

TEST(Jmespath, Projections) {
  EXPECT_EQ(Find("people[*].age", kPeople), json({30, 50, 40}));
  EXPECT_EQ(Find("people[*].address.city", kPeople), json({"z"}));
  EXPECT_EQ(Find("people[:2].name", kPeople), json({"a", "b"}));
  EXPECT_EQ(Find("ops.*.n", kPeople), json({1, 2}));
  EXPECT_EQ(Find("nested[]", kPeople), json::parse("[0,1,2,[3],4]"));
  EXPECT_EQ(Find("nested[][]", kPeople), json({0, 1, 2, 3, 4}));
  EXPECT_EQ(Find("people[*].tags[]", kPeople), json({"x", "y"}));
  EXPECT_EQ(Find("people[*].tags | [0]", kPeople), json({"x", "y"}));
  EXPECT_EQ(Find("people[*].tags[0]", kPeople), json({"x"}));
  EXPECT_EQ(Find("(people[*].name)[1]", kPeople), "b");
  EXPECT_EQ(Find("zero[*]", kPeople), nullptr);
  EXPECT_EQ(Find("*", json({1})), nullptr);
  EXPECT_EQ(Find("[*][0]", json::parse("[[1,2],[3]]")), json({1, 3}));
}

TEST(Jmespath, Filters) {
  EXPECT_EQ(Find("people[?age > `35`].name", kPeople), json({"b", "c"}));
  EXPECT_EQ(Find("people[?age >= `40` && age < `50`].name", kPeople), json({"c"}));
  EXPECT_EQ(Find("people[?name == 'a' || name == 'c'].age", kPeople), json({30, 40}));
  EXPECT_EQ(Find("people[?!address].name", kPeople), json({"a", "b"}));
  EXPECT_EQ(Find("people[?tags[0] == 'x'].name | [0]", kPeople), "a");
  EXPECT_EQ(Find("people[?name > `1`]", kPeople), json::array());
  EXPECT_EQ(Find("people[?contains(tags || `[]`, 'y')].name", kPeople), json({"a"}));
  EXPECT_EQ(Find("zero == `0`", kPeople), true);
  EXPECT_EQ(Find("empty || 'other'", kPeople), "other");
  EXPECT_EQ(Find("zero && 'truth'", kPeople), "truth");  // a number is never false
}

TEST(Jmespath, ListsHashesAndLiterals) {
  EXPECT_EQ(Find("people[0].[name, age]", kPeople), json({"a", 30}));
  EXPECT_EQ(Find("people[*].{n: name, \"t\": tags[0]}", kPeople)[0],
            json({{"n", "a"}, {"t", "x"}}));
  EXPECT_EQ(Find("[zero, empty]", kPeople), json({0, ""}));
  EXPECT_EQ(Find("`{\"a\": [1, 2]}`.a[1]", kPeople), 2);
  EXPECT_EQ(Find("'it\\'s'", kPeople), "it's");
  EXPECT_EQ(Find("`true`", kPeople), true);
  EXPECT_EQ(Find("`foo`", kPeople), "foo");
  EXPECT_EQ(Find("`\"a\\`b\"`", kPeople), "a`b");
  EXPECT_EQ(Find("\"\\u00e9\"", json({{"é", 1}})), 1);
}

TEST(Jmespath, Functions) {
  const json n = {{"v", {3, 1, 2}}, {"t", {"b", "a"}}, {"o", {{"k", 1}}}, {"s", "héllo"}};
  EXPECT_EQ(Find("abs(`-2`)", n), 2);
  EXPECT_EQ(Find("avg(v)", n), 2.0);
  EXPECT_EQ(Find("avg(`[]`)", n), nullptr);
  EXPECT_EQ(Find("ceil(`1.2`)", n), 2);
  EXPECT_EQ(Find("floor(`1.8`)", n), 1);
  EXPECT_EQ(Find("contains(s, 'llo')", n), true);
  EXPECT_EQ(Find("ends_with(s, 'lo')", n), true);
  EXPECT_EQ(Find("starts_with(s, 'x')", n), false);
  EXPECT_EQ(Find("join('-', t)", n), "b-a");
  EXPECT_EQ(Find("keys(o)", n), json({"k"}));
  EXPECT_EQ(Find("values(o)", n), json({1}));
  EXPECT_EQ(Find("length(s)", n), 5);
  EXPECT_EQ(Find("length(v)", n), 3);
  EXPECT_EQ(Find("map(&[0], `[[1],[2],[]]`)", n), json({1, 2, nullptr}));
  EXPECT_EQ(Find("max(v)", n), 3);
  EXPECT_EQ(Find("min(t)", n), "a");
  EXPECT_EQ(Find("max_by(people, &age).name", kPeople), "b");
  EXPECT_EQ(Find("min_by(people, &age).name", kPeople), "a");
  EXPECT_EQ(Find("sort_by(people, &age)[*].name", kPeople), json({"a", "c", "b"}));
  EXPECT_EQ(Find("merge(o, `{\"k\": 2, \"l\": 3}`)", n), json({{"k", 2}, {"l", 3}}));
  EXPECT_EQ(Find("not_null(nothing, v)[0]", n), 3);
  EXPECT_EQ(Find("reverse(s)", n), "olléh");
  EXPECT_EQ(Find("sort(v)", n), json({1, 2, 3}));
  EXPECT_EQ(Find("sum(v)", n), 6);
  EXPECT_EQ(Find("to_array('a')", n), json({"a"}));
  EXPECT_EQ(Find("to_number('1.5')", n), 1.5);
  EXPECT_EQ(Find("to_number('x')", n), nullptr);
  EXPECT_EQ(Find("to_string(v)", n), "[3,1,2]");
  EXPECT_EQ(Find("type(v)", n), "array");
  EXPECT_EQ(Find("v[?@ > `1`] | sum(@)", n), 5);
  const auto wrong = Jmespath::Compile("abs(s)").value().Search(n);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("abs(): argument 1 is of another type"));
}

TEST(Jmespath, WhatDoesNotParseSaysWhere) {
  EXPECT_THAT(Refused("a."),
              HasSubstr("expected a name behind '.', found 'the end' at character 3"));
  EXPECT_THAT(Refused("a[0"), HasSubstr("expected a number or ']'"));
  EXPECT_THAT(Refused("lengt(a)"), HasSubstr("there is no function 'lengt'. Did you mean length?"));
  EXPECT_THAT(Refused("abs()"), HasSubstr("takes 1 argument(s), not 0"));
  EXPECT_THAT(Refused("a b"), HasSubstr("unexpected 'b' at character 3"));
  EXPECT_THAT(Refused("'open"), HasSubstr("does not end"));
  EXPECT_THAT(Refused("a[::0]"), HasSubstr("step is not 0"));
  EXPECT_THAT(Refused("a#"), HasSubstr("unexpected '#'"));
  EXPECT_THAT(Refused(""), HasSubstr("unexpected 'the end'"));
  EXPECT_THAT(Refused("a[?b"), HasSubstr("expected ']'"));
  EXPECT_THAT(Refused("{a: b"), HasSubstr("expected '}'"));
  EXPECT_THAT(Refused("*a"), HasSubstr("unexpected 'a'"));
  EXPECT_THAT(Refused(std::string(300, '(').c_str()), HasSubstr("nests too deep"));
  EXPECT_THAT(Refused(std::string(2000, 'a').c_str()), HasSubstr("too long"));
}

}  // namespace
}  // namespace clary::clarify
