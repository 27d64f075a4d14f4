#!/usr/bin/env python3
"""one_name.py finds a planted second type, and only that."""
from one_name import definitions

ONCE = """
#include <string>
struct Before;
namespace clary::control {
struct Spec {
  struct Nested {};
};
struct Spec::Impl {
};
namespace {
struct Hidden {
};
}  // namespace
template <>
struct Of<Spec> {
};
enum class Kind { kOne };
}  // namespace clary::control
namespace clary::server {
class Spec final : public Base {
};
}  // namespace clary::server
"""

names = [name for name, _ in definitions(ONCE)]
assert names == ["clary::control::Spec", "clary::control::Spec::Impl", "clary::control::Kind",
                 "clary::server::Spec"], names
twice = [name for name, _ in definitions(ONCE + ONCE)]
assert twice == names * 2, twice
