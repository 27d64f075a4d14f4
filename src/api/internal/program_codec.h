// The members of what all files tell of a user's program; see json_codec.h.
#pragma once

#include "api/job_spec.h"

namespace clary::api {

template <typename Io>
void Fields(Io& io, ImageSpec& i) {
  io("root", i.root);
  io("entrypoint", i.entrypoint);
  io("command", i.command);
  io("environment", i.environment);
  io("directory", i.directory);
}

template <typename Io>
void Fields(Io& io, PythonSpec& p) {
  io("environment", p.environment);
  io("interpreter", p.interpreter);
  io("folders", p.folders);
  io("framework", p.framework);
  io("notes", p.notes);
  io("pip", p.pip);
  io("layers", p.layers);
  io("container", p.container);
}

template <typename Io>
void Fields(Io& io, JobCredentials& c) {
  io("access_key_id", c.access_key_id);
  io("secret_access_key", c.secret_access_key);
  io("session_token", c.session_token);
}

}  // namespace clary::api
